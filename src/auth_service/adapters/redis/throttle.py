"""Counting attempts in Redis, or in Valkey, which speaks the same."""

import hashlib
import logging
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TooSlow

from auth_service.domain.errors import Busy, TooManyAttempts
from auth_service.domain.ports.throttle import Counter

# In braces, so that a cluster keeps all counters in one place: one script may touch only what lies together.
_PREFIX = "{auth-service}:attempts:"
_KEY_DIGITS = 32
_ANSWERS_WITHIN = 2.0
_ASK_AGAIN_IN = 1.0

# Redis runs a script whole, with nothing in between: so all counters are looked at first, and counted if none is full.
# A window that has longer to run than a fresh one was opened by a clock that has been set back since.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local wait, counted = 0, {}
for i, key in ipairs(KEYS) do
    local at = (i - 1) * 5
    local most, window, left = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), redis.call('PTTL', key) / 1000
    local count, free_at = 0, 0
    if left > 0 and left <= window + 1 then
        local kept = redis.call('HMGET', key, 'count', 'free_at')
        count, free_at = tonumber(kept[1]), tonumber(kept[2])
    end
    counted[i] = count + 1
    if count >= most then
        wait = math.max(wait, left)
    else
        wait = math.max(wait, free_at - now)
    end
end
if wait > 0 then
    return tostring(wait)
end
for i, key in ipairs(KEYS) do
    local at = (i - 1) * 5
    local free, pause, longest = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    local rest = 0
    if counted[i] >= free then
        rest = math.min(pause * 2 ^ math.min(counted[i] - free, 20), longest)
    end
    redis.call('HSET', key, 'count', counted[i], 'free_at', string.format('%.6f', now + rest))
    if counted[i] == 1 then
        redis.call('PEXPIRE', key, math.ceil(ARGV[at + 2] * 1000))
    end
end
return '0'
"""
_log = logging.getLogger(__name__)


class RedisThrottle:
    """Counts attempts where all processes see them, in one round trip.

    While the counts cannot be had, nobody is let try: else whoever takes Redis down could guess without end.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=_ANSWERS_WITHIN,
            socket_connect_timeout=_ANSWERS_WITHIN,
            # Once more at once: a connection that lay idle may have been closed by the other side.
            retry=Retry(NoBackoff(), 1),
        )
        self._take = self._redis.register_script(_TAKE)

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count one attempt everywhere, or nowhere."""
        if not counters:
            return
        figures = [
            figure
            for counter in counters
            for figure in (counter.most, counter.window, counter.free, counter.pause, counter.longest_pause)
        ]
        try:
            wait = float(await self._take(keys=[_key(counter.key) for counter in counters], args=figures))
        except (RedisError, OSError) as error:
            _log.error("The counts in Redis cannot be had: %s", error or type(error).__name__)
            raise Busy(_ASK_AGAIN_IN) from error
        if wait > 0:
            raise TooManyAttempts(wait)

    async def why_unusable(self) -> str | None:
        """Return why this Redis cannot be used, or None where it can."""
        try:
            await self._redis.eval(_TAKE, 0)
        except (AuthenticationError, ResponseError) as refusal:
            return f"it says '{str(refusal).rstrip('.')}'"
        except TooSlow:
            return "it does not answer in time"
        except (RedisError, OSError):
            return "nobody answers there"
        return None

    async def close(self) -> None:
        """Let go of it."""
        await self._redis.aclose()


def _key(key: str) -> str:
    """Return what a counter is kept under: who tried what, and from where, need not be readable there."""
    return _PREFIX + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]
