"""Runs the built functions in containers by the SAM CLI, against the local stack, and checks their answers.

    python tests/sam-local.py STACK_JSON BUILT_TEMPLATE IMAGE BRIDGE

STACK_JSON      as the local stack writes it; the stack's notifications are due at once (--delay 0s)
BUILT_TEMPLATE  as `sam build` leaves it
IMAGE           of the containers
BRIDGE          this machine's address as the containers see it

First `sam local invoke` with every file of events/, then a lead's journey through `sam local start-api`. Prints a line
for each check and exits with 1 at the first wrong answer. Run by tests/sam-local.sh, in the environment of the SAM CLI.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import boto3
from samcli.yamlhelper import yaml_dump, yaml_parse

LOOPBACK = "127.0.0.1"
REGION = "eu-central-1"
SECRET = "secretsmanager:"
COURSE = "https://onai.academy/integrator/expresscourse"
# A container starts slowly on a busy machine; that is not the function's fault.
TIMEOUT_SECONDS = 60
PATIENCE_SECONDS = 180

# The answer to an event, where it is not 200 or, to messages, none that must come again: a status, or those messages.
ANSWERS = {
    # There is no lead yet.
    "sweep/scheduled": {"notifications": 0, "crm_tasks": 0},
    "page/asset_unknown": 404,
    "page/preflight": 204,
    "page/unknown_path": 404,
    "page/wrong_method": 405,
    "intake/invalid_json": 400,
    "intake/proof": 400,
    # Signed once, long ago.
    "receipts/resend": 401,
    "recipient/result": 404,
    "track/email": 302,
    "track/head": 302,
    "track/short_link": 302,
    "track/unknown": 302,
    # A task without a row is done. A message that cannot be read comes again, until it is a dead letter.
    "deliver/mixed": ["7b0f2c1e-4d5a-4c6b-8e9f-000000000002", "7b0f2c1e-4d5a-4c6b-8e9f-000000000003"],
    "crm/undecodable": ["7b0f2c1e-4d5a-4c6b-8e9f-000000000001"],
}


class Wrong(Exception):
    """A wrong answer."""


def check(what, is_right, answer):
    """Prints a line, or raises."""
    if not is_right:
        raise Wrong(f"{what}: {json.dumps(answer, ensure_ascii=False)[:2000]}")
    print(f"  right: {what}", flush=True)


def aws(stack, service):
    """A client of the stack's emulator."""
    return boto3.client(service, endpoint_url=stack["aws_endpoint"], region_name=REGION,
                        aws_access_key_id="test", aws_secret_access_key="test")


def settings(stack, bridge):
    """The variables of the deployed functions as a container needs them, by logical id; stops the emulator's own consumers."""
    lambdas = aws(stack, "lambda")
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    def value_of(value):
        """What the function would fetch. In a container, loopback is the container itself."""
        if value.startswith(SECRET):
            value = aws(stack, "secretsmanager").get_secret_value(SecretId=value.removeprefix(SECRET))["SecretString"]
        return value.replace(LOOPBACK, bridge)

    found = {}
    for function in lambdas.list_functions()["Functions"]:
        logical_id = next(part for part in function["FunctionName"].split("-") if part.endswith("Function"))
        variables = dict(function["Environment"]["Variables"], AWS_ENDPOINT_URL=stack["aws_endpoint"])
        found[logical_id] = {name: value_of(value) for name, value in variables.items()}
    return found


def derive(built, variables):
    """Writes a template with these variables beside the built one, because the SAM CLI overrides only variables that a
    template has. Returns the options that name both files."""
    template = yaml_parse(built.read_text(encoding="utf-8"))
    for logical_id, values in variables.items():
        properties = template["Resources"][logical_id]["Properties"]
        properties["Timeout"] = TIMEOUT_SECONDS
        properties["Environment"] = {"Variables": {name: "" for name in values}}
    derived = built.with_name("template-local.yaml")
    derived.write_text(yaml_dump(template), encoding="utf-8")
    environment = built.with_name("env-local.json")
    environment.write_text(json.dumps(variables), encoding="utf-8")
    return ["--template", str(derived), "--env-vars", str(environment)]


def pump(source, target):
    """Copies until the source ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def forward(bridge, port):
    """Makes a port that listens on loopback reachable from the containers, and from nowhere else."""
    def serve(listener):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection((LOOPBACK, port))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=pump, args=(source, target), daemon=True).start()

    listener = socket.create_server((bridge, port))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()


class Sam:
    """`sam local` with what every call needs."""

    def __init__(self, options, image):
        machine = "arm64" if os.uname().machine == "aarch64" else os.uname().machine
        self.options = [*options, "--region", REGION, "--invoke-image", image, "--skip-pull-image",
                        "--parameter-overrides", f"Architecture={machine}", f"Release={int(time.time())}"]
        self.environment = dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", SAM_CLI_TELEMETRY="0")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            self.environment.pop(name, None)

    def invoke(self, logical_id, event):
        """What a function answers to an event."""
        run = subprocess.run(["sam", "local", "invoke", logical_id, "--event", "-", *self.options],
                             input=json.dumps(event), capture_output=True, text=True, timeout=PATIENCE_SECONDS,
                             env=self.environment, check=False)
        lines = run.stdout.strip().splitlines()
        if run.returncode != 0 or not lines:
            raise Wrong(f"sam local invoke {logical_id} failed:\n{run.stderr[-3000:]}")
        return json.loads(lines[-1])

    def start_api(self, port, log):
        """Serves the HTTP API until it is terminated."""
        return subprocess.Popen(["sam", "local", "start-api", "--port", str(port), "--warm-containers", "LAZY", *self.options],
                                stdout=log, stderr=log, env=self.environment)


def is_answer(answer, expected):
    """Whether an answer is the expected one; see ANSWERS."""
    if isinstance(expected, int):
        return answer.get("statusCode") == expected
    if isinstance(expected, list):
        return [failure["itemIdentifier"] for failure in answer.get("batchItemFailures", [None])] == expected
    return answer == expected


def invoke_all(sam, events):
    """Invokes with every file of events/; each expected answer has its file."""
    found = {f"{path.parent.name}/{path.stem}": path for path in sorted(events.glob("*/*.json"))}
    if not found or ANSWERS.keys() - found.keys():
        raise Wrong(f"events/ lacks {sorted(ANSWERS.keys() - found.keys())}")
    # In their order: the first one needs an empty database.
    for name in [*ANSWERS, *sorted(found.keys() - ANSWERS.keys())]:
        event = json.loads(found[name].read_text(encoding="utf-8"))
        expected = ANSWERS.get(name, [] if "Records" in event else 200)
        answer = sam.invoke(name.split("/")[0].capitalize() + "Function", event)
        check(f"sam local invoke {name}: {expected}", is_answer(answer, expected), answer)


# What a browser sends that opens a link: other hits are not counted.
BROWSER = {
    "user-agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "accept-language": "ru", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document",
}


def get(url, body=None, method=None):
    """Status, headers and body; follows no redirect. Bytes that are not text, such as a picture's, are replaced."""
    class Stay(urllib.request.HTTPRedirectHandler):
        """Leaves a redirect to the caller."""
        def redirect_request(self, *args):
            return None

    opener = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **BROWSER}, method=method)
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode(errors="replace")


def messages(stack, queue):
    """The messages of a queue, as an event of SQS. Messages that the sweep repeats are taken once."""
    records = []
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        received = aws(stack, "sqs").receive_message(QueueUrl=stack[queue], MaxNumberOfMessages=10, WaitTimeSeconds=1,
                                                     AttributeNames=["All"])
        records += [{"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                     "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
                     "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:queue",
                     "awsRegion": REGION} for message in received.get("Messages", [])]
    return {"Records": list({record["body"]: record for record in records}.values())}


def wait_until_served(url, process, log):
    """Waits for the HTTP API."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return get(url)
        except OSError:
            time.sleep(0.5)
    raise Wrong(f"sam local start-api did not serve; see {log}")


def refusals(api):
    """Slashes, unknown paths and wrong methods. SAM's router is not API Gateway's: it ignores a slash at the end of any path,
    and answers a preflight itself."""
    for path in ("/proftest/", "/proftest/blogger/"):
        status, _, page = get(api + path)
        check(f"start-api GET {path}: the page", status == 200 and "<form" in page, [status, page[:500]])
    for path, method in (("/", "GET"), ("/wp-login.php", "GET"), ("/xmlrpc.php", "POST"), ("/proftest/a/b", "GET")):
        status, _, page = get(api + path, method=method)
        check(f"start-api {method} {path}: the page for a wrong address", status == 404 and "<h1>" in page, [status, page[:500]])
    for path, method, expected, allow in (
        ("/api/leads", "GET", 404, None),
        ("/api/leads", "PUT", 404, None),
        ("/api/landing/proftest", "GET", 405, "OPTIONS, POST"),
        ("/api/landing/track/1", "POST", 405, "GET, HEAD, OPTIONS"),
    ):
        status, headers, body = get(api + path, method=method)
        is_ours = status == expected and headers["allow"] == allow and json.loads(body)["success"] is False
        check(f"start-api {method} {path}: {expected} as JSON", is_ours, [status, headers["allow"], body])
    status, headers, page = get(f"{api}/l/AAAAAAAAAAAA", method="POST")
    is_ours = status == 405 and headers["allow"] == "GET, HEAD, OPTIONS" and "<h1>" in page
    check("start-api POST /l/{code}: 405 as a page", is_ours, [status, headers["allow"], page[:500]])


def journey(sam, stack, api):
    """A visitor's journey, every request and every message through a container."""
    status, _, page = get(f"{api}/proftest/blogger")
    check("start-api GET /proftest/blogger: the page", status == 200 and "<form" in page, [status, page[:500]])
    asset = re.search(r'/proftest/assets/[^"]+', page).group()
    status, _, _ = get(api + asset)
    check("start-api GET /proftest/assets/{file}: a file of the page", status == 200, [status, asset])
    email = "delivered+sam@resend.dev"
    lead = {"name": "Айгерим", "email": email, "phone": "+77010000077", "campaignSlug": "blogger"}
    status, _, body = get(f"{api}/api/landing/proftest", lead)
    check("start-api POST /api/landing/proftest: a lead", status == 200 and json.loads(body)["success"], [status, body])

    # The leads of the intake events and this one, woken by the emulator's Scheduler.
    event = messages(stack, "notifications_queue_url")
    answer = sam.invoke("DeliverFunction", event)
    check(f"deliver takes the {len(event['Records'])} notifications of the queue", answer == {"batchItemFailures": []}, answer)
    event = messages(stack, "crm_queue_url")
    answer = sam.invoke("CrmFunction", event)
    check(f"crm takes the {len(event['Records'])} tasks of the queue", answer == {"batchItemFailures": []}, answer)

    inbox = json.loads(get(stack["console"] + "/api/inbox")[2])
    emails = [sent for sent in inbox["emails"] if sent["to"] == email]
    texts = [sent for sent in inbox["sms"] if sent["to"] == "77010000077"]
    check("the lead has one e-mail and one SMS", (len(emails), len(texts)) == (1, 1), inbox)
    path = re.search(r"https?://[^/\s]+(/l/\w+)", texts[0]["text"]).group(1)
    # A hit within two seconds of sending is no person's.
    time.sleep(2)
    # A messenger takes the end of the sentence into the link.
    for end in ("", "/", ".", ")"):
        status, headers, _ = get(api + path + end)
        is_course = headers["location"].startswith(COURSE) and "click_id=" in headers["location"]
        check(f"start-api GET /l/{{code}}{end}: to the course", status == 302 and is_course, [status, headers["location"]])
    for slash in ("", "/"):
        tracked = f"{api}/api/landing/track/{json.loads(body)['leadId']}{slash}?source=email"
        status, headers, _ = get(tracked, method="HEAD")
        check(f"start-api HEAD /api/landing/track/{{leadId}}{slash}: to the course", status == 302, status)
    row = json.loads(get(f"{stack['console']}/api/leads/{json.loads(body)['leadId']}")[2])["lead"]
    as_is = [row["email_sent"], row["sms_sent"], row["sms_clicked"], row["email_clicked"], bool(row["amocrm_lead_id"])]
    check("its row: both sent, the SMS clicked, the deal made", as_is == [True, True, True, False, True], row)
    check("its row: four clicks", row["click_count"] == 4, row)


def main():
    """Runs the checks."""
    stack_json, built, image, bridge = sys.argv[1:]
    stack = json.loads(pathlib.Path(stack_json).read_text(encoding="utf-8"))
    built = pathlib.Path(built)
    variables = settings(stack, bridge)
    for port in set(re.findall(rf"{re.escape(bridge)}:(\d+)", json.dumps(variables))):
        forward(bridge, int(port))
    sam = Sam(derive(built, variables), image)
    invoke_all(sam, pathlib.Path("events"))
    port = socket.create_server((LOOPBACK, 0)).getsockname()[1]
    log = pathlib.Path(stack_json).with_name("start-api.log")
    with open(log, "wb") as output:
        process = sam.start_api(port, output)
        try:
            api = f"http://{LOOPBACK}:{port}"
            wait_until_served(f"{api}/proftest", process, log)
            refusals(api)
            journey(sam, stack, api)
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"wrong: {wrong}")
