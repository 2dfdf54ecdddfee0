"""Opens connections, sends half a request on each and holds them. Arguments: the server's address, how many, for how many seconds.

Says how many of them the server still held in the end.
"""

import select
import socket
import sys
import time
from urllib.parse import urlsplit

where, count, seconds = urlsplit(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
held = [socket.create_connection((where.hostname, where.port)) for _ in range(count)]
for connection in held:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-half: ")
time.sleep(seconds)
closed, _, _ = select.select(held, [], [], 0)
print(f"{count} half requests were held for {seconds:.0f} s, {count - len(closed)} of them open in the end", flush=True)
