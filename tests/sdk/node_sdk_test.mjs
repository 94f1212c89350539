// The Node SDK: what its users do, against the demo provider and an OpenAI-shaped upstream behind the gateway.
// Prints a line of JSON for each case; run.py counts them.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI, { toFile } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const { LOWART_URL: baseURL, LOWART_KEY: apiKey } = process.env;
const keys = JSON.parse(process.env.LOWART_KEYS);
const client = (options = {}) => new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000, ...options });
const messages = [{ role: 'user', content: 'Say exactly: Hello, world!' }];
const voice = Buffer.from(Array.from({ length: 64 }, () => Array.from({ length: 256 }, (_, i) => i)).flat());
let number = 0;
const play = (name) => ({ headers: { 'x-request-id': `${name}.node${process.pid}-${++number}` } });

const cases = [];
const test = (name, run) => cases.push({ name, run });
const ofEach = (name, run) => ['up', 'demo-fast'].forEach((model) => test(`${name}, ${model}`, () => run(model)));

const raises = async (kind, promise, fields = {}) => {
  const error = await promise.then((value) => assert.fail(`nothing raised: ${JSON.stringify(value)}`), (e) => e);
  assert.equal(error.constructor.name, kind.name, `${error}`);
  for (const [name, value] of Object.entries(fields)) assert.equal(error[name], value, `${name} of ${error}`);
  return error;
};

ofEach('a plain call', async (model) => {
  const completion = await client().chat.completions.create({ model, messages });
  assert.equal(completion.choices[0].message.content, 'Hello, world!');
  assert.equal(completion.choices[0].finish_reason, 'stop');
  assert.ok(completion.usage.total_tokens > 0);
  assert.match(completion._request_id, /^req_/);
});

test('moderations and images', async () => {
  const judged = await client().moderations.create({ model: 'up', input: 'harm' });
  assert.equal(judged.results[0].flagged, true);
  const made = await client().images.generate({ model: 'up', prompt: 'a cat' });
  assert.equal(made.data[0].b64_json, 'iVBORw0KGgo=');
  assert.equal(made.usage.total_tokens, 322);
  const image = await toFile(voice, 'a.png', { type: 'image/png' });
  const changed = await client().images.edit({ image, prompt: 'a dog', model: 'up' });
  assert.equal(changed.data[0].b64_json, 'iVBORw0KGgo=');
});

// This SDK writes a form in the order of its parameters: the file stands before the model.
test('speech and transcripts', async () => {
  const { audio } = client();
  const said = await audio.speech.create({ model: 'up', voice: 'alloy', input: 'Hello' });
  assert.deepEqual(Buffer.from(await said.arrayBuffer()), voice);
  const file = await toFile(voice, 'a.wav');
  const heard = await audio.transcriptions.create({ file, model: 'up' });
  assert.equal(heard.text, 'Hello, world!');
  const stream = await audio.transcriptions.create({ file: await toFile(voice, 'a.wav'), model: 'up', stream: true });
  let text = '';
  for await (const event of stream) text += event.delta ?? '';
  assert.equal(text, 'Hello, world!');
  const translated = await audio.translations.create({ file: await toFile(voice, 'a.wav'), model: 'up' });
  assert.equal(translated.text, 'Hello, world!');
});

ofEach('a stream', async (model) => {
  const stream = await client().chat.completions.create({ model, messages, stream: true });
  let text = '';
  const reasons = [];
  for await (const chunk of stream) {
    text += chunk.choices[0].delta.content ?? '';
    if (chunk.choices[0].finish_reason) reasons.push(chunk.choices[0].finish_reason);
  }
  assert.equal(text, 'Hello, world!');
  assert.deepEqual(reasons, ['stop']);
});

ofEach('the stream helper and finalChatCompletion()', async (model) => {
  const stream = client().chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  let text = '';
  stream.on('content', (delta) => (text += delta));
  const final = await stream.finalChatCompletion();
  assert.equal(text, 'Hello, world!');
  assert.equal(final.choices[0].message.content, text);
  assert.ok((await stream.totalUsage()).total_tokens > 0);
});

const asked = [];
const tools = () => [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      parse: JSON.parse,
      function: ({ city }) => (asked.push('get_weather'), `sunny in ${city}`),
    },
  },
  {
    type: 'function',
    function: {
      name: 'get_time',
      description: 'The time now',
      parameters: { type: 'object', properties: {} },
      function: () => (asked.push('get_time'), 'noon'),
    },
  },
];
const question = [{ role: 'user', content: 'What is the weather in Paris, and what time is it?' }];

for (const stream of [false, true])
  ofEach(`runTools to its end, ${stream ? 'streamed' : 'whole'}`, async (model) => {
    asked.length = 0;
    const runner = client().chat.completions.runTools({ model, messages: question, tools: tools(), stream });
    const text = await runner.finalContent();
    assert.ok(text, 'no text at the end');
    assert.ok(asked.length > 0, 'no tool was called');
    if (model === 'up') {
      assert.deepEqual(asked.toSorted(), ['get_time', 'get_weather']);
      assert.equal(text, 'The tools say: sunny in Paris and noon');
    }
  });

test('the stream helper takes the streams of vendors that leave things out', async () => {
  const strict = tools().map((tool) => ({ type: 'function', function: { name: tool.function.name, parameters: tool.function.parameters, strict: true } }));
  const final = (name) => client().chat.completions.stream({ model: 'up', messages, tools: strict }, play(name)).finalChatCompletion();
  const mistral = (await final('mistral')).choices[0];
  assert.deepEqual([mistral.message.role, mistral.message.content, mistral.finish_reason], ['assistant', 'Hello', 'tool_calls']);
  assert.deepEqual(mistral.message.tool_calls.map((call) => [call.id, call.type, call.function.name]), [['a', 'function', 'get_weather'], ['b', 'function', 'get_time']]);
  assert.deepEqual(mistral.message.tool_calls[0].function.parsed_arguments, { city: 'Paris' });
  const snowflake = (await final('snowflake')).choices[0];
  assert.deepEqual([snowflake.message.role, snowflake.message.content, snowflake.finish_reason], ['assistant', 'Hello, world!', 'stop']);
});

const Report = z.object({ city: z.string(), degrees: z.number(), sunny: z.boolean() });

ofEach('structured output, parsed, whole and streamed', async (model) => {
  const response_format = zodResponseFormat(Report, 'report');
  const whole = await client().chat.completions.parse({ model, messages, response_format });
  assert.ok(Report.safeParse(whole.choices[0].message.parsed).success);
  const stream = client().chat.completions.stream({ model, messages, response_format });
  const final = await stream.finalChatCompletion();
  assert.ok(Report.safeParse(final.choices[0].message.parsed).success);
});

ofEach('legacy completions, whole and streamed', async (model) => {
  const whole = await client().completions.create({ model, prompt: 'Say exactly: Hello' });
  assert.ok(whole.choices[0].text);
  let text = '';
  for await (const chunk of await client().completions.create({ model, prompt: 'Say exactly: Hello', stream: true }))
    text += chunk.choices[0]?.text ?? '';
  assert.equal(text, whole.choices[0].text);
});

test('models are listed and retrieved', async () => {
  const names = [];
  for await (const model of client().models.list()) names.push(model.id);
  assert.ok(names.includes('up') && names.includes('demo'));
  assert.equal((await client().models.retrieve('demo')).id, 'demo');
  assert.deepEqual((await client({ apiKey: keys.narrow }).models.list()).data.map((m) => m.id), ['up']);
});

test('the Anthropic SDK lists and retrieves models', async () => {
  const root = baseURL.replace('/v1', '');
  const claude = (key = apiKey) => new Anthropic({ baseURL: root, apiKey: key, maxRetries: 0, timeout: 20_000 });
  const names = [];
  for await (const model of claude().models.list()) names.push(model.id);
  assert.ok(names.includes('up') && names.includes('demo'));
  assert.equal((await claude().models.retrieve('demo')).display_name, 'demo');
  assert.deepEqual((await claude(keys.narrow).models.list()).data.map((m) => m.id), ['up']);
  await raises(Anthropic.NotFoundError, claude().models.retrieve('nothing'), { status: 404 });
});

test('the Google SDK lists and gets models', async () => {
  const httpOptions = { baseUrl: baseURL.replace('/v1', ''), timeout: 20_000 };
  const google = (key = apiKey) => new GoogleGenAI({ apiKey: key, httpOptions });
  const list = async (ai) => {
    const names = [];
    for await (const model of await ai.models.list()) names.push(model.name);
    return names;
  };
  const names = await list(google());
  assert.ok(names.includes('models/up') && names.includes('models/demo'));
  assert.deepEqual(await list(google(keys.narrow)), ['models/up']);
  const one = await google().models.get({ model: 'demo' });
  assert.ok(one.supportedActions.includes('generateContent'));
});

test('each error has its class and its code', async () => {
  const ask = (more = {}, options = {}, ai = client()) => ai.chat.completions.create({ model: 'up', messages, ...more }, options);
  const fields = (status, code) => ({ status, code });
  await raises(OpenAI.AuthenticationError, ask({}, {}, client({ apiKey: 'sk-lw-wrong-wrong-wrong' })), fields(401, 'invalid_api_key'));
  await raises(OpenAI.PermissionDeniedError, ask({ model: 'demo' }, {}, client({ apiKey: keys.narrow })), fields(403, 'permission_denied'));
  const missing = await raises(OpenAI.NotFoundError, ask({ model: 'nothing' }), { ...fields(404, 'model_not_found'), param: 'model' });
  assert.match(missing.requestID, /^req_/);
  await raises(OpenAI.BadRequestError, ask({ n: 1000 }), { status: 400, param: 'n', type: 'invalid_request_error' });
  await raises(OpenAI.BadRequestError, ask({}, play('status400')), fields(400, 'bad_thing'));
  await raises(OpenAI.UnprocessableEntityError, ask({}, play('status422')), fields(422, 'odd'));
  await raises(OpenAI.InternalServerError, ask({}, play('status500')), fields(502, 'upstream_failed'));
  await raises(OpenAI.RateLimitError, ask({ model: 'demo-429' }), fields(429, 'rate_limit_exceeded'));
  await raises(OpenAI.InternalServerError, ask({}, play('silence')), fields(504, 'upstream_first_token_timeout'));
});

test('a stream that breaks throws, in the stream and in its helper', async () => {
  for (const [model, name, code] of [['up', 'cut', 'upstream_connection_lost'], ['demo-stall', 'x', 'upstream_between_tokens_timeout']]) {
    let text = '';
    const read = async () => {
      for await (const chunk of await client().chat.completions.create({ model, messages, stream: true }, play(name)))
        text += chunk.choices[0].delta.content ?? '';
    };
    await raises(OpenAI.APIError, read(), { code });
    assert.ok(text.length > 0);
    await raises(OpenAI.APIError, client().chat.completions.stream({ model, messages }, play(name)).finalChatCompletion(), { code });
  }
});

test('x-should-retry is respected: a 500 of the upstream is asked for once', async () => {
  let sent = 0;
  const counting = (...request) => (++sent, fetch(...request));
  const ai = client({ maxRetries: 3, fetch: counting });
  await raises(OpenAI.InternalServerError, ai.chat.completions.create({ model: 'up', messages }, play('status500')));
  assert.equal(sent, 1);
});

test('our rate limit is retried when it says, and then succeeds', async () => {
  const apiKey = keys.limited2;
  const ask = (maxRetries) => client({ apiKey, maxRetries }).chat.completions.create({ model: 'up', messages });
  let wait = 0;
  let start = 0;
  for (let i = 0; i < 200 && !wait; ++i)
    await ask(0).catch((e) => ((wait = Number(e.headers.get('retry-after-ms'))), (start = performance.now())));
  assert.ok(wait > 0, 'never limited');
  await ask(4);
  const took = performance.now() - start;
  assert.ok(took > wait - 20 && took < wait + 1500, `took ${took} ms where ${wait} ms were told`);
});

test('a timeout of the SDK', async () => {
  await raises(OpenAI.APIConnectionTimeoutError, client({ timeout: 300 }).chat.completions.create({ model: 'patient', messages }, play('silence')));
});

test('abort in the middle of a stream, by controller and by signal', async () => {
  const stream = await client().chat.completions.create({ model: 'patient', messages, stream: true }, play('endless'));
  let seen = 0;
  for await (const _ of stream) if (++seen === 5) stream.controller.abort();
  assert.ok(seen >= 5);
  const controller = new AbortController();
  const helper = client().chat.completions.stream({ model: 'patient', messages }, { ...play('endless'), signal: controller.signal });
  helper.on('content', () => controller.abort());
  await raises(OpenAI.APIUserAbortError, helper.finalChatCompletion());
});

test('raw responses show the headers', async () => {
  const options = play('plain');
  const { data, response, request_id } = await client({ apiKey: keys.shown }).chat.completions.create({ model: 'up', messages }, options).withResponse();
  assert.equal(request_id, options.headers['x-request-id']);
  assert.equal(data._request_id, request_id);
  assert.equal(response.headers.get('x-lowart-provider'), 'up');
  assert.equal(response.headers.get('x-ratelimit-limit-requests'), '1000');
});

test('many calls at once', async () => {
  const ai = client();
  const all = await Promise.all(Array.from({ length: 20 }, () => ai.chat.completions.create({ model: 'up', messages })));
  assert.ok(all.every((completion) => completion.choices[0].message.content === 'Hello, world!'));
});

// --- responses that are kept

const upstreams = ['openai', 'openai_responses', 'anthropic', 'gemini'];
const turnOf = (ai, streamed, body) => (streamed ? ai.stream(body).finalResponse() : ai.create(body));
for (const upstream of upstreams)
  for (const streamed of [false, true]) {
    const how = `before ${upstream}, ${streamed ? 'streamed' : 'whole'}`;
    const model = `vendor-${upstream}`;

    test(`responses: three turns by previous_response_id ${how}`, async () => {
      const ai = client().responses;
      const first = await turnOf(ai, streamed, { model, input: 'Hello' });
      const second = await turnOf(ai, streamed, { model, input: 'Again', previous_response_id: first.id });
      const third = await turnOf(ai, streamed, { model, input: 'play:settings', previous_response_id: second.id });
      assert.equal(third.output_text.split('"user"').length, 4, third.output_text);
      const kept = await ai.retrieve(third.id);
      assert.deepEqual([kept.id, kept.output_text, kept.status], [third.id, third.output_text, 'completed']);
    });

    test(`responses: the output of a tool as a turn of its own ${how}`, async () => {
      const ai = client().responses;
      const parameters = { type: 'object', properties: { city: { type: 'string' } } };
      const asked = { model, tools: [{ type: 'function', name: 'get_weather', parameters, strict: false }] };
      const first = await turnOf(ai, streamed, { ...asked, input: 'play:tools' });
      const { call_id } = first.output.find((item) => item.type === 'function_call');
      const input = [{ type: 'function_call_output', call_id, output: '21 degrees' }];
      const second = await turnOf(ai, streamed, { ...asked, input, previous_response_id: first.id });
      assert.equal(second.output_text, 'The tools say: 21 degrees');
    });
  }

test('responses: retrieve, delete, another key, store: false', async () => {
  const ai = client().responses;
  const others = client({ apiKey: keys.shown }).responses;
  const asked = { model: 'vendor-anthropic', input: 'Hello' };
  const made = await ai.create(asked);
  const forgotten = await ai.create({ ...asked, store: false });
  assert.deepEqual([made.store, forgotten.store], [true, false]);
  assert.equal((await ai.retrieve(made.id)).output_text, made.output_text);
  const unknown = { code: 'previous_response_not_found', param: 'previous_response_id' };
  await raises(OpenAI.BadRequestError, others.create({ ...asked, previous_response_id: made.id }), unknown);
  await raises(OpenAI.BadRequestError, ai.create({ ...asked, previous_response_id: forgotten.id }), unknown);
  await raises(OpenAI.NotFoundError, others.retrieve(made.id));
  await raises(OpenAI.NotFoundError, others.delete(made.id));
  await ai.delete(made.id);
  await raises(OpenAI.NotFoundError, ai.retrieve(made.id));
});

// One after the other: some cases share what they noted.
for (const { name, run } of cases) {
  const start = performance.now();
  const error = await run().then(() => '', (e) => e.stack ?? String(e));
  console.log(JSON.stringify({ name, seconds: (performance.now() - start) / 1000, error }));
}
