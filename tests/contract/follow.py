"""Generates a client from the server's OpenAPI document; with it, lists runs, queues one and follows it to its end.

Arguments: a folder with the virtual environment in venv/, where the client is written; the server's address.
"""

import importlib
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

folder, address = Path(sys.argv[1]), sys.argv[2]
document = folder / "openapi.json"
document.write_bytes(urllib.request.urlopen(address + "/api/openapi.json").read())
command = [folder / "venv/bin/openapi-python-client", "generate", "--overwrite", "--meta", "none"]
command += ["--path", document, "--output-path", folder / "lab_client"]
made = subprocess.run(command, check=True, capture_output=True, text=True)
left_out = [line for line in made.stdout.splitlines() + made.stderr.splitlines() if "will not be generated" in line]

sys.path.insert(0, str(folder))
lab = importlib.import_module("lab_client")
runs = {name: importlib.import_module(f"lab_client.api.runs.{name}") for name in
        ("create_run", "get_provenance", "get_run", "list_metrics", "list_runs", "stream_events")}
models = importlib.import_module("lab_client.models")

client = lab.Client(base_url=address, raise_on_unexpected_status=True, timeout=300)
before = runs["list_runs"].sync(client=client)
assert before.items == [], before

request = models.CreateRun.from_dict({"experiment": {
    "name": "followed",
    "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9], "seed": 7},
    "arch": {"hidden_size": 16, "num_heads": 2, "H_layers": 1, "L_layers": 1, "H_cycles": 1, "L_cycles": 1,
             "halt_max_steps": 2, "puzzle_emb_ndim": 16},
    "train": {"batch_size": 20, "epochs": 100.0, "max_steps": 40, "lr_warmup_steps": 0, "log_every": 2},
}})
queued = runs["create_run"].sync(client=client, body=request, idempotency_key="followed")
again = runs["create_run"].sync(client=client, body=request, idempotency_key="followed")
assert isinstance(queued, models.Run) and again.id == queued.id, (queued, again)

# The generated functions wait for whole answers, and a stream is told as it comes.
kept, told, last = {}, {"run": 0, "metric": 0, "log": 0}, None
with client.get_httpx_client().stream(**runs["stream_events"]._get_kwargs(queued.id)) as stream:
    for line in stream.iter_lines():
        field, _, value = line.partition(": ")
        if field:
            kept[field] = value
        elif "data" in kept:
            told[kept["event"]] += 1
            last = json.loads(kept["data"]) if kept["event"] == "run" else last
            kept = {}
ended = models.Run.from_dict(last)
assert str(ended.state) == "succeeded", ended
assert runs["get_run"].sync(queued.id, client=client).checkpoint_id == ended.checkpoint_id
points = runs["list_metrics"].sync(queued.id, client=client).items
assert len(points) == told["metric"] == 20, (len(points), told)
assert runs["get_provenance"].sync(queued.id, client=client).config_hash == ended.config_hash
listed = runs["list_runs"].sync(client=client, name="FOLLOW").items
assert [run.id for run in listed] == [queued.id], listed
refused = runs["create_run"].sync(client=client, body=models.CreateRun.from_dict({"experiment": {
    "name": "x", "data": {"source": "stored", "dataset": "nothing"}, "arch": {}, "train": {}}}))
assert isinstance(refused, models.Problem) and refused.field == "experiment.data.dataset", refused
print(f"a client generated from the document has followed a run to its end: {told}; not generated: {left_out or 'nothing'}")
