"""What AI applications tell of their use by OpenTelemetry, whether or not their requests come through here.

Bytes of an export come in, sightings go out (`receive.py`). Only attributes that a reader names are decoded
at all; everything else, and so everything that was said, stays bytes and is let go. Not the routes
(`server/otlp_routes.py`), and not where sightings are kept.
"""
