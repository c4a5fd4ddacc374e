"""A service that passes a request on: `GET /?next=<url>&next=<url>` asks the first with the rest of them.

It says on which port it listens, answers with the headers that each service in line received, and ends in an orderly
manner when its input is closed.
"""

import json
import sys
import threading

import flask
import requests
from werkzeug.serving import make_server

app = flask.Flask(__name__)


@app.route("/")
def hop():
    first, *rest = flask.request.args.getlist("next") or [None]
    further = requests.get(first, params={"next": rest}, timeout=60).json() if first else []
    return json.dumps([dict(flask.request.headers), *further])


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
server.shutdown()
