// What Node.js itself takes to start: a function that asks for an event and answers none.

import { get } from "node:http";

get(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next`);
