// Intake's contract as a Node.js Lambda function, tuned: everything is built and connected in Init, connections are
// kept alive, the two AWS calls overlap, the SQL is the same one statement.

import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { SchedulerClient, CreateScheduleCommand } from "@aws-sdk/client-scheduler";
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
import pg from "pg";

const env = process.env;
const sql = readFileSync(env.INTAKE_SQL, "utf8");
const ssl = env.DATABASE_CA_PEM ? { ca: env.DATABASE_CA_PEM } : false;
const database = new pg.Client({ connectionString: env.DATABASE_URL, ssl });
const scheduler = new SchedulerClient({});
// The stand-in of SQS answers without a checksum, which our own client does not ask for either.
const sqs = new SQSClient({ md5: false });
const delaySeconds = 600;
const graceSeconds = 90;

/** A UUID of version 7: the first 48 bits are the time. */
function uuidv7() {
    const hex = Date.now().toString(16).padStart(12, "0");
    const random = randomUUID();
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7${random.slice(15)}`;
}

function email(raw) {
    const value = String(raw ?? "").trim().toLowerCase();
    return value.length <= 254 && /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(value) ? value : null;
}

function phone(raw) {
    let digits = String(raw ?? "").replace(/\D/g, "");
    if (digits.length === 10) digits = `7${digits}`;
    if (digits.length === 11 && digits.startsWith("8")) digits = `7${digits.slice(1)}`;
    return digits.length === 11 && digits.startsWith("77") ? `+${digits}` : null;
}

function key(of, value) {
    return createHmac("sha256", env.GUARD_KEY).update(`${of}\0${value}`).digest("hex").slice(0, 32);
}

/** The same keys and counters as the function's. */
function evidence({ email, phone }, event) {
    const address = event.requestContext.http.sourceIp;
    const counted = (what, value) => ({ key: key(what, value), what, soft: 60, hour: 300, day: 1500 });
    return {
        country: "KZ", is_mobile: true, email_key: key("email", email), phone_key: key("phone", phone),
        user_agent: event.headers["user-agent"], may_challenge: false, is_suspicious: true, addresses_count: false,
        pair_soft: 3, counted: [counted("address", address), counted("block", phone.slice(0, -4))],
    };
}

function answer(statusCode, body) {
    return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function handle(event) {
    let form;
    try {
        const body = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body;
        form = JSON.parse(body);
    } catch {
        return answer(400, { success: false });
    }
    const { name, email: rawEmail, phone: rawPhone, source, submissionId, ...metadata } = form;
    const lead = { name: String(name ?? "").trim(), email: email(rawEmail), phone: phone(rawPhone) };
    if (!lead.name || !lead.email || !lead.phone) return answer(422, { success: false });
    const code = randomBytes(9).toString("base64url");
    const values = [randomUUID(), uuidv7(), uuidv7(), lead.name, lead.email, lead.phone, source ?? "proftest", metadata,
        submissionId ?? null, "result", ["email", "sms"], code, delaySeconds, graceSeconds, evidence(lead, event)];
    const { rows: [saved] } = await database.query(sql, values);
    const waiting = [];
    if (saved.notification_id) {
        waiting.push(scheduler.send(new CreateScheduleCommand({
            Name: `n-${saved.notification_id}`,
            GroupName: env.SCHEDULE_GROUP,
            ScheduleExpression: `at(${new Date(saved.scheduled_for - 60_000).toISOString().slice(0, 19)})`,
            FlexibleTimeWindow: { Mode: "OFF" },
            ActionAfterCompletion: "DELETE",
            Target: {
                Arn: env.NOTIFICATIONS_QUEUE_ARN,
                RoleArn: env.SCHEDULER_ROLE_ARN,
                Input: JSON.stringify({ task: "deliver_v1", notification: saved.notification_id }),
                DeadLetterConfig: { Arn: env.NOTIFICATIONS_DLQ_ARN },
            },
        })));
    }
    if (saved.changed) {
        waiting.push(sqs.send(new SendMessageCommand({
            QueueUrl: env.CRM_QUEUE_URL,
            MessageBody: JSON.stringify({ task: "crm_v1", lead: saved.lead_id }),
        })));
    }
    for (const result of await Promise.allSettled(waiting)) {
        if (result.status === "rejected") console.error(result.reason?.name);
    }
    return answer(200, { success: true, leadId: saved.lead_id });
}

// The Runtime API, as Lambda's own client for Node.js speaks it: one kept connection.
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body) {
    return new Promise((resolve, reject) => {
        const sent = request({ host, port, method, path: `/2018-06-01/runtime/invocation/${path}`, agent }, (response) => {
            const parts = [];
            response.on("data", (part) => parts.push(part));
            response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
        });
        sent.on("error", reject);
        sent.end(body);
    });
}

await database.connect();
for (;;) {
    const next = await call("GET", "next");
    const id = next.headers["lambda-runtime-aws-request-id"];
    const done = JSON.stringify(await handle(JSON.parse(next.body)));
    await call("POST", `${id}/response`, done);
}
