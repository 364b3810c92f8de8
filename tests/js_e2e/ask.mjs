// The AI SDK with its own providers against a gateway: every provider, upstream and case in one process.
// Takes one argument, {url, key, packages, upstreams}; writes a line of JSON for each case. It judges
// nothing: what the answers have to be is in test_ai_sdk.py.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const job = JSON.parse(process.argv[2]);
const found = createRequire(`${job.packages}/package.json`);
const load = (name) => import(pathToFileURL(found.resolve(name)).href);

const { Output, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");
const { createGoogleGenerativeAI } = await load("@ai-sdk/google");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");

const key = { apiKey: job.key };
const openai = createOpenAI({ baseURL: `${job.url}/v1`, ...key });
const anthropic = createAnthropic({ baseURL: `${job.url}/v1`, ...key });
const google = createGoogleGenerativeAI({ baseURL: `${job.url}/v1beta`, ...key });
const compatible = createOpenAICompatible({
  name: "gateway",
  baseURL: `${job.url}/v1`,
  includeUsage: true,
  supportsStructuredOutputs: true,
  ...key,
});

// Without `store: false` the second step of a tool turn names what the model thought by an id, and only the
// server that keeps it can read that: docs/conformance.md. The case `tools-kept` leaves it out.
const keepsNothing = { providerOptions: { openai: { store: false } } };

const providers = {
  "openai-responses": { model: (name) => openai.responses(name), more: keepsNothing },
  "openai-chat": { model: (name) => openai.chat(name), embedding: (name) => openai.embedding(name) },
  anthropic: { model: (name) => anthropic(name) },
  google: { model: (name) => google(name), embedding: (name) => google.embedding(name) },
  "openai-compatible": {
    model: (name) => compatible(name),
    embedding: (name) => compatible.embeddingModel(name),
  },
};

const schema = jsonSchema({
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
});
const lookup = tool({
  description: "Tells the weather of a city",
  inputSchema: schema,
  execute: async ({ city }) => `Regen in ${city}`,
});
const asked = { maxRetries: 0 };
const withTool = { ...asked, tools: { lookup }, stopWhen: stepCountIs(3) };

const usage = ({ inputTokens, outputTokens, cachedInputTokens, inputTokenDetails }) => ({
  in: inputTokens,
  out: outputTokens,
  cached: inputTokenDetails?.cacheReadTokens ?? cachedInputTokens ?? null,
});

function told(steps) {
  return {
    calls: steps.flatMap((step) => step.toolCalls.map((call) => [call.toolName, call.input])),
    results: steps.flatMap((step) => step.toolResults.map((result) => result.output)),
    finished: steps.map((step) => step.finishReason),
    text: steps.at(-1).text,
    usage: usage(steps.at(-1).usage),
    warnings: steps.flatMap((step) => step.warnings ?? []).map((warning) => JSON.stringify(warning)),
  };
}

const whole = async (options) => told((await generateText(options)).steps);

async function streamed(options) {
  const failures = [];
  const result = streamText({ ...options, onError: ({ error }) => failures.push(error) });
  let said = "";
  let thought = "";
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") said += part.text;
    if (part.type === "reasoning-delta") thought += part.text;
    if (part.type === "error" || failures.length) throw failures[0] ?? part.error;
  }
  return { ...told(await result.steps), said, thought };
}

const structured = async (options) => ({ output: (await generateText(options)).output });

async function structuredStream(options) {
  const result = streamText({ ...options, onError: () => {} });
  await result.consumeStream();
  return { output: await result.output };
}

const asPlace = { ...asked, output: Output.object({ schema, name: "place" }) };

const cases = {
  plain: { run: whole, options: asked },
  stream: { run: streamed, options: asked },
  tools: { run: whole, options: withTool },
  "tools-stream": { run: streamed, options: withTool },
  structured: { run: structured, options: asPlace, model: "place" },
  "structured-stream": { run: structuredStream, options: asPlace, model: "place" },
  ...Object.fromEntries(
    ["400", "429", "500"].flatMap((status) => [
      [`error-${status}`, { run: whole, options: asked, model: `error-${status}` }],
      [`error-${status}-stream`, { run: streamed, options: asked, model: `error-${status}` }],
    ]),
  ),
};

async function answer(run) {
  try {
    return { answer: await run() };
  } catch (error) {
    return { error: { name: error.name, status: error.statusCode ?? null, message: error.message } };
  }
}

const write = (line) => console.log(JSON.stringify(line));
globalThis.AI_SDK_LOG_WARNINGS = false;

for (const [provider, { model, embedding, more }] of Object.entries(providers)) {
  const prompt = `Wie wird das Wetter? [${provider}]`; // by which the upstream's requests are told apart
  for (const upstream of job.upstreams) {
    for (const [name, { run, options, model: wanted }] of Object.entries(cases)) {
      const chosen = model(`up-${upstream}/${wanted ?? "m"}`);
      write({
        provider,
        upstream,
        case: name,
        ...(await answer(() => run({ ...options, ...more, prompt, model: chosen }))),
      });
    }
    if (more === keepsNothing) {
      const chosen = model(`up-${upstream}/m`);
      const told = await answer(() => whole({ ...withTool, prompt, model: chosen }));
      write({ provider, upstream, case: "tools-kept", ...told });
    }
    if (embedding && job.embedders.includes(upstream)) {
      const chosen = embedding(`up-${upstream}/m`);
      const embed = async () => {
        const { embeddings } = await embedMany({ model: chosen, values: ["eins", "zwei"], maxRetries: 0 });
        return { sizes: embeddings.map((vector) => vector.length) };
      };
      write({ provider, upstream, case: "embeddings", ...(await answer(embed)) });
    }
  }
}
