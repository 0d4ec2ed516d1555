"""Sans-IO: bytes in, values out. No socket, no clock, no await; one logic for sync and async."""
