"""Deploys the production template into ministack.

Reads one JSON object from standard input:

    {"endpoint": "http://127.0.0.1:4566",        the emulator
     "stack": "proftest",                        name of the stack; an older one of this name is replaced
     "template": "template.yaml",
     "bootstraps": {"intake": "<path>", ...},    the executable of each function, by its cargo binary's name
     "parameters": {"DatabaseUrl": "...", ...}}  of the template; a missing one takes its default

Writes one JSON object to standard output:

    {"api_url", "notifications_queue_url", "notifications_queue_arn", "notifications_dlq_url",
     "crm_queue_url", "crm_dlq_url", "schedule_group", "functions": {"intake": "<function name>", ...},
     "api": {"routes": ["GET /proftest", ...], "throttled": ["$default", ...], "permitted": ["/GET/proftest", ...]}}

"api" is what the SAM transform made of the functions' HttpApi events: the keys of the routes, of those with settings of
their own, and the ends of the addresses for which API Gateway may invoke a function.

When the stack cannot be made, writes the reasons to standard error and exits with 1.
"""

import hashlib
import io
import json
import os
import platform
import re
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

# The region that launch.py sets: resources of another one are invisible to the functions.
REGION = "eu-central-1"
BUCKET = "bootstraps"
# A deployment takes 1 to 5 seconds; the rest is for a machine busy with other work.
STACK_TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.1


class Failure(Exception):
    """Something to tell the caller, without a traceback."""


def client(endpoint, service):
    """A client of the emulator. It takes any key; this one stands for its default account."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, proxies={}),
    )


def functions_of(template):
    """The template's functions: cargo binary name -> (logical id, resource)."""
    return {
        resource["Metadata"]["BuildProperties"]["Binary"]: (logical_id, resource)
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def zipped(executable):
    """A Lambda package. Equal executables give equal bytes, so the emulator unpacks them once."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix: the mode below is in force
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(entry, executable, compresslevel=1)
    return package.getvalue()


def upload(s3, path):
    """Puts the package of an executable into the bucket, unless it is there. Returns its key."""
    with open(path, "rb") as file:
        executable = file.read()
    key = hashlib.sha256(executable).hexdigest() + ".zip"
    try:
        s3.head_object(Bucket=BUCKET, Key=key)
    except ClientError:
        s3.put_object(Bucket=BUCKET, Key=key, Body=zipped(executable))
    return key


def packaged(template, s3, bootstraps):
    """Points the template's functions at uploaded packages, as `sam package` would."""
    try:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    for binary, (_, resource) in functions_of(template).items():
        if binary not in bootstraps:
            raise Failure(f"no bootstrap given for the function {binary}")
        key = upload(s3, bootstraps[binary])
        resource["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": key}


def parametrised(template, given):
    """Gives the template the parameters as defaults.

    The emulator's SAM transform is told no parameters, so that what SAM resolves itself, as the
    CORS origins, would silently come from the template's defaults.
    """
    declared = template["Parameters"]
    # Functions run on this machine, whatever they are built for in production.
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    for name, value in {"Architecture": machine, "Release": f"{time.time():.0f}", **given}.items():
        if name not in declared:
            raise Failure(f"the template has no parameter {name}")
        declared[name]["Default"] = str(value)
    # It has no CodeDeploy. Aliases it has, and in a new stack there is nothing to move.
    del template["Globals"]["Function"]["DeploymentPreference"]
    # A parameter arrives as a string, even of type Number. On this one the emulator's poller
    # stumbles over it, and then no queue of any stack is served.
    for _, resource in functions_of(template).values():
        for event in resource["Properties"].get("Events", {}).values():
            scaling = event["Properties"].get("ScalingConfig")
            if scaling and isinstance(scaling["MaximumConcurrency"], dict):
                parameter = declared[scaling["MaximumConcurrency"]["Ref"]]
                scaling["MaximumConcurrency"] = int(parameter["Default"])


def status_of(cloudformation, stack):
    """The stack's status, or None when there is no such stack."""
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def settled(cloudformation, stack):
    """Waits until nothing is in progress. Returns the last status."""
    deadline = time.monotonic() + STACK_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        status = status_of(cloudformation, stack)
        if status is None or not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(POLL_SECONDS)
    raise Failure(f"the stack {stack} is not settled after {STACK_TIMEOUT_SECONDS} s")


def failures(cloudformation, stack):
    """The reasons among the stack's events, oldest first."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return [
        f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")
    ]


def replace(cloudformation, s3, stack, template):
    """Deletes the stack, should it exist, and creates it anew. Returns its description."""
    if status_of(cloudformation, stack) is not None:
        cloudformation.delete_stack(StackName=stack)
        settled(cloudformation, stack)
    # CloudFormation takes 51,200 bytes in the request, so the template is uploaded, as sam deploy does.
    key = f"{stack}.template"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"https://s3.amazonaws.com/{BUCKET}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    status = settled(cloudformation, stack)
    if status != "CREATE_COMPLETE":
        raise Failure("\n".join([f"the stack {stack} ended as {status}", *failures(cloudformation, stack)]))
    return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]


def physical_ids(cloudformation, stack):
    """Logical id -> physical id."""
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def open_routes(gateway, body, ids):
    """Makes the API's routes from its OpenAPI body, which the emulator ignores. Returns their keys."""
    api_id = ids["FunnelApi"]
    integrations = {}
    keys = []
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            # The id of an alias is its ARN.
            alias = ids[re.search(r"\$\{(\w+)\}/invocations", uri).group(1)]
            if alias not in integrations:
                integrations[alias] = gateway.create_integration(
                    ApiId=api_id,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=alias,
                    PayloadFormatVersion=operation["x-amazon-apigateway-integration"]["payloadFormatVersion"],
                )["IntegrationId"]
            keys.append(path if path == "$default" else f"{method.upper()} {path}")
            gateway.create_route(ApiId=api_id, RouteKey=keys[-1], Target=f"integrations/{integrations[alias]}")
    return keys


def permitted(resources):
    """The addresses for which API Gateway may invoke a function, without API and stage."""
    arns = [
        resource["Properties"]["SourceArn"]["Fn::Sub"][0]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]
    return [arn.split("${__Stage__}")[1] for arn in arns]


def allow_origins(gateway, body, api_id):
    """Sets the API's CORS, which the emulator leaves out as well. No origins, no CORS."""
    cors = dict(body["x-amazon-apigateway-cors"]["Fn::If"][1])
    separator, origins = cors["allowOrigins"]["Fn::Split"]
    if origins:
        cors["allowOrigins"] = origins.split(separator)
        # OpenAPI's names differ from those of the API in the first letter only.
        gateway.update_api(ApiId=api_id, CorsConfiguration={name[0].upper() + name[1:]: v for name, v in cors.items()})


def deploy(request):
    """Does what the module says. Takes and returns the objects described there."""
    endpoint, stack = request["endpoint"], request["stack"]
    with open(request["template"], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    binaries = {binary: logical_id for binary, (logical_id, _) in functions_of(template).items()}
    s3 = client(endpoint, "s3")
    packaged(template, s3, request["bootstraps"])
    parametrised(template, request["parameters"])

    cloudformation = client(endpoint, "cloudformation")
    description = replace(cloudformation, s3, stack, template)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
    ids = physical_ids(cloudformation, stack)
    processed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    resources = processed["Resources"]
    body = resources["FunnelApi"]["Properties"]["Body"]
    gateway = client(endpoint, "apigatewayv2")
    routes = open_routes(gateway, body, ids)
    allow_origins(gateway, body, ids["FunnelApi"])

    return {
        "api_url": f"{endpoint}/_aws/execute-api/{ids['FunnelApi']}/$default",
        "notifications_queue_url": outputs["NotificationsQueueUrl"],
        "notifications_queue_arn": outputs["NotificationsQueueArn"],
        "notifications_dlq_url": outputs["NotificationsDlqUrl"],
        "crm_queue_url": outputs["CrmQueueUrl"],
        "crm_dlq_url": outputs["CrmDlqUrl"],
        "schedule_group": outputs["ScheduleGroupName"],
        "functions": {binary: ids[logical_id] for binary, logical_id in binaries.items()},
        "api": {
            "routes": routes,
            "throttled": list(resources["FunnelApiApiGatewayDefaultStage"]["Properties"]["RouteSettings"]),
            "permitted": permitted(resources),
        },
    }


def main():
    """Deploys what standard input asks for."""
    # A profile or an endpoint meant for the real AWS has no business here.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    try:
        print(json.dumps(deploy(json.load(sys.stdin))))
    except (Failure, ClientError, BotoCoreError, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
