"""Rooms as tools of the Model Context Protocol: what `cadence mcp` serves over stdin and stdout.

desk      what the tools do, through a client and HTTP like any stranger
server    the tools, as the protocol wants them (extra `mcp`)
"""
