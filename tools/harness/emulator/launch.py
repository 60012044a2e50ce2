"""Runs ministack with the settings without which it misleads, until standard input ends.

    python launch.py PORT TEMPORARY_DIRECTORY [--enforce-iam]

The process that starts this keeps the write end of its standard input open. When that end closes, by
exit, by crash or by kill -9 of its owner, the emulator and the functions' processes are killed:
nothing it started outlives its owner. It is ready once GET /_ministack/ready answers 200.

Of the environment only PATH, HOME and LANG are kept: functions inherit all of the emulator's.

Standard output carries what the functions print, one JSON object a line: {"function": "...", "line": "..."}.

With --enforce-iam every request must be signed, a function's by its role, and the role's policies decide. What was
decided is added to TEMPORARY_DIRECTORY/iam.jsonl: {"principal": "...", "action": "...", "resource": "...", "allowed": true}.
"""

import http.server
import ipaddress
import json
import os
import signal
import socketserver
import sys
import threading

# Resources are kept apart by region: clients must sign for this one to see them.
REGION = "eu-central-1"
# The HTTP API. The local gateway forwards to it what browsers send.
API_PATH = "/_aws/execute-api/"


def settings(port, temporary):
    """The emulator's environment, read by ministack as its modules are imported."""
    endpoint = f"http://127.0.0.1:{port}"
    return {
        "GATEWAY_PORT": port,
        # Its default is every interface.
        "BIND_HOST": "127.0.0.1",
        # Given to every function; without it they would call the real AWS.
        "AWS_ENDPOINT_URL": endpoint,
        # Queue URLs name this host instead of "localhost", which may resolve to ::1, where nothing listens.
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        # No real credentials by accident, neither here nor in the functions.
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        # An MQTT and an SFTP listener on every interface, which nothing here needs.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # AWS's default. Otherwise a small machine's memory sets it, and the requests above it get 429.
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
        # Its own lines say little at INFO. A failed batch is a warning, with the function's output.
        "LOG_LEVEL": "WARNING",
        # Holds the unpacked functions and a pid file: two emulators do not meet there.
        "TMPDIR": temporary,
    }


def own_process_group():
    """Makes this process the leader of a group that the functions' processes will belong to."""
    if os.getpgrp() != os.getpid():
        os.setsid()


def kill_group():
    """Kills the functions' processes and this one. SIGKILL: there is no state worth saving."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def die_with_owner():
    """Blocks until standard input ends, then kills the group."""
    while os.read(0, 4096):
        pass
    kill_group()


def may_come(headers, is_for_browsers):
    """Whether a request may be answered, by its headers with names in lower case.

    ministack lets every web page call it and read the answers, and it starts any program as a function: a page of a
    stranger, open in the developer's browser, would need no more. Programs send neither Origin nor Sec-Fetch-Site. A page
    whose own host name leads to this machine (DNS rebinding) is told by that name.
    """
    if not is_for_browsers and ("origin" in headers or "sec-fetch-site" in headers):
        return False
    name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    try:
        return name == "localhost" or bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False


def shut_to_browsers(app):
    """Wraps ministack's ASGI application, so that strangers' pages get 403 and nothing else."""

    async def shut(scope, receive, send):
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        is_api = scope["type"] == "http" and scope["path"].startswith(API_PATH)
        if may_come(headers, is_api):
            return await app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
        return await send({"type": "http.response.body", "body": b"a browser has no business here\n"})

    return shut


def shut_runtime_api_to_browsers():
    """The same for the functions' Runtime API, whose events hold what people sent: a server of Python's for each function."""
    handler = http.server.BaseHTTPRequestHandler
    parse = handler.parse_request

    def parse_request(self):
        if not parse(self):
            return False
        if may_come({name.lower(): value for name, value in self.headers.items()}, False):
            return True
        self.send_error(403)
        return False

    handler.parse_request = parse_request


def forward_logs(lambda_svc):
    """Prints the functions' lines as they come, for the console: CloudWatch Logs has one stream for each
    invocation, too many to poll."""
    keep = lambda_svc._emit_lambda_logs

    def emit(func, request_id, log_text, *args, **kwargs):
        name = (func.get("config") or func).get("FunctionName", "")
        lines = [json.dumps({"function": name, "line": line}) + "\n" for line in (log_text or "").splitlines()]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        return keep(func, request_id, log_text, *args, **kwargs)

    lambda_svc._emit_lambda_logs = emit


def correct_false_denials(iam_actions):
    """Corrects what the emulator denies and AWS allows."""
    arn_of, action_of = iam_actions.extract_resource_arn, iam_actions.extract_iam_action

    def arn(service, method, path, headers, body, *rest):
        """A schedule's group is in the request; the emulator takes every schedule for one of the group "default"."""
        found = arn_of(service, method, path, headers, body, *rest)
        if service == "scheduler" and ":schedule/default/" in found and body:
            group = json.loads(body).get("GroupName", "default")
            found = found.replace(":schedule/default/", f":schedule/{group}/")
        return found

    def action(*request):
        """IAM has no sqs:SendMessageBatch: sqs:SendMessage allows both. Source: Amazon SQS API permissions."""
        found = action_of(*request)
        return found.removesuffix("Batch") if found and found.startswith("sqs:") else found

    iam_actions.extract_resource_arn, iam_actions.extract_iam_action = arn, action


def record_decisions(iam_evaluator, sts, path):
    """Writes down every decision about a role's session."""
    keep = iam_evaluator.enforce

    def enforce(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = keep(access_key_id, iam_action, service, region, resource_arn, service_context)
        # Only a role's session is listed there; the other keys are the account's own.
        session = sts._sessions.get(access_key_id)
        if session:
            decision = {"principal": session["Arn"], "action": iam_action, "resource": resource_arn}
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({**decision, "allowed": denied is None}) + "\n")
        return denied

    iam_evaluator.enforce = enforce


def main():
    """Sets up the process, then runs ministack."""
    port, temporary, *switches = sys.argv[1:]
    own_process_group()
    threading.Thread(target=die_with_owner, daemon=True).start()

    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, **settings(port, os.path.abspath(temporary)))
    if switches == ["--enforce-iam"]:
        os.environ["AUTH"] = "true"
    # ministack reads its own options from here.
    sys.argv[1:] = []

    # Imported only now: its modules read the environment as they load.
    from ministack import app
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import lambda_svc, scheduler, sts

    app.app = shut_to_browsers(app.app)
    shut_runtime_api_to_browsers()
    forward_logs(lambda_svc)
    if app.AUTH:
        correct_false_denials(iam_actions)
        record_decisions(iam_evaluator, sts, os.path.join(temporary, "iam.jsonl"))

    # Seconds between two looks for due schedules. At its default of 10, `at()` fires up to 10 s late.
    scheduler._SCHEDULE_TICK_INTERVAL = 0.2
    # Its Runtime API writes head and body of an event apart, and Nagle's algorithm then waits for the
    # function's delayed acknowledgement: 40 ms for every invocation.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    try:
        app.main()
    finally:
        kill_group()


if __name__ == "__main__":
    main()
