"""The dialect of djoser, simplejwt and rest_framework.authtoken: `/auth/…`, to the letter."""
