"""The suites every adapter must pass: shipped, so that you can hold your own adapter to the same promises."""
