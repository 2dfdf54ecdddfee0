"""Signs in as the administrator, stores something of every kind, and lets schemathesis ask for everything in the document.

Arguments: a folder with the virtual environment in venv/, for reports; the server's address. Exits with schemathesis' status.
"""

import http.cookiejar
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

folder, address = sys.argv[1:]
jar = http.cookiejar.CookieJar()
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
# What no form of another site can send; without it a write with a cookie is refused.
browser.addheaders = [("x-requested-with", "contract")]


def send(method, path, body=None, kind="application/json"):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"content-type": kind}, method=method)
    answer = browser.open(request).read()
    return json.loads(answer) if answer.startswith(b"{") else answer


form = re.search(rb'name=form value="([^"]+)"', browser.open(address + "/login").read()).group(1).decode()
fields = {"form": form, "name": "root", "password": "password of root", "next": "/healthz"}
browser.open(address + "/login", urllib.parse.urlencode(fields).encode())
session = next(cookie.value for cookie in jar if cookie.name == "hrm_session")

generate = {"side": 4, "train": 40, "test": 10, "givens": [6, 9], "seed": 1}
send("POST", "/api/v1/datasets", {"name": "contract", "generate": generate})
model = send("GET", "/api/v1/models")["items"][0]
send("POST", "/api/v1/models?name=contract", send("GET", f"/api/v1/models/{model['id']}/file"), "application/octet-stream")
experiment = {
    "name": "contract",
    "data": {"source": "stored", "dataset": "contract"},
    "arch": {"hidden_size": 32, "num_heads": 2, "H_layers": 1, "L_layers": 1, "halt_max_steps": 2, "puzzle_emb_ndim": 32},
    "train": {"batch_size": 16, "epochs": 2, "lr": 0.001, "lr_warmup_steps": 10},
}
send("POST", "/api/v1/runs", {"experiment": experiment})
send("POST", "/api/v1/sweeps", {"name": "contract", "experiment": experiment, "seeds": [1, 2]})
send("POST", "/api/v1/evaluations", {"model": "sudoku-6x6", "dataset": send("POST", "/api/v1/datasets", {
    "name": "six", "generate": {"side": 6, "train": 2, "test": 2, "givens": [12, 16], "seed": 3}})["id"]})
send("PUT", f"/api/v1/models/{model['id']}/aliases/champion")
send("POST", "/api/v1/teams", {"name": "contract"})
send("POST", "/api/v1/invitations", {"name": "ann", "role": "member", "team": "contract"})

root = send("GET", "/api/v1/users")["items"][0]["id"]
home = next(team["id"] for team in send("GET", "/api/v1/teams")["items"] if team["name"] == "local")


def stay():
    """Among everything that is asked for is that the administrator leaves the team, who then could make nothing any more."""
    while True:
        send("PUT", f"/api/v1/teams/{home}/members/{root}")
        time.sleep(0.5)


threading.Thread(target=stay, daemon=True).start()
command = [
    f"{folder}/venv/bin/schemathesis",
    f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
    "run",
    f"{address}/api/openapi.json",
    f"--header=cookie: hrm_session={session}",
    "--header=x-requested-with: contract",
    f"--max-examples={os.environ.get('CONTRACT_EXAMPLES', '80')}",
    f"--seed={os.environ.get('CONTRACT_SEED', '1')}",
    # It ends the session that everything is asked with.
    "--exclude-path=/api/v1/me/session",
    "--continue-on-failure",
    f"--report-json-path={folder}/report.json",
    *os.environ.get("CONTRACT_ARGUMENTS", "").split(),
]
# It leaves a folder of its own where it is started.
sys.exit(subprocess.run(command, check=False, cwd=folder).returncode)
