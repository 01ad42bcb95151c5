// The third party's mock as a process: `node serve.mjs` prints its address and serves until it is ended.
// What it says is chosen by words in the last message; how it misbehaves, by the model's name. It accepts one key, so that a test
// sees whether the gateway sent its own.
import { LLMock } from "@copilotkit/aimock";

const usage = { prompt_tokens: 40, completion_tokens: 7, input_tokens: 40, output_tokens: 7 };
const said = "We have sent your parcel today.";
const longer = Array.from({ length: 400 }, (_, number) => `word${number}`).join(" ");
const question = /two orders/;

const mock = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 6, auth: { apiKeys: ["sk-upstream-of-the-tests"] } });

const failing = { "fails-500": 500, "fails-503": 503, "fails-401": 401, "fails-404": 404, "fails-400": 400 };
for (const [model, status] of Object.entries(failing)) {
  mock.on({ model }, { error: { message: `the mock says ${status}`, type: "mock_error" }, status });
}
mock.on({ model: "fails-429" }, { error: { message: "slow down", type: "rate_limit_error" }, status: 429, retryAfter: 33 });
mock.on({ model: "cut" }, { content: longer, usage }, { truncateAfterChunks: 5 });
mock.on({ model: "slow" }, { content: longer, usage }, { latency: 40 });
mock.on({ model: "steady" }, { content: longer.slice(0, 240), usage }, { latency: 25 });

// Tools: two calls at once, then words once their results are there.
mock.on({ userMessage: question, hasToolResult: true }, { content: "A1 is on its way, B2 is at your door.", usage });
const calls = ["A1", "B2"].map((order) => ({ id: `call_${order}`, name: "lookup", arguments: JSON.stringify({ order }) }));
mock.on({ userMessage: /think about two orders/ }, { toolCalls: calls, reasoning: "I need both.", usage });
mock.on({ userMessage: question }, { toolCalls: calls, usage });
mock.on({ userMessage: /as JSON/ }, { content: JSON.stringify({ topic: "delivery", urgent: true }), usage });
mock.on({ userMessage: /think/ }, { content: said, reasoning: "The parcel was scanned at noon.", usage });
mock.on({ userMessage: /at most/ }, { content: said, usage, finishReason: "length" });
mock.on({ userMessage: /.*/s }, { content: said, usage });

await mock.start();
console.log(mock.url);
