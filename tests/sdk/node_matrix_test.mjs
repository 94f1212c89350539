// Every client against every place: the same questions, the same answers. A place is a model behind some URL.
// Prints a line of JSON for each case; run.py counts them.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { clients as ai } from './node_clients/ai_sdk.mjs';
import * as anthropic from './node_clients/anthropic.mjs';
import { png } from './node_clients/common.mjs';
import * as gemini from './node_clients/gemini.mjs';
import * as ollama from './node_clients/ollama.mjs';
import * as openaiChat from './node_clients/openai_chat.mjs';
import * as openaiResponses from './node_clients/openai_responses.mjs';

const clients = {
  'openai chat': openaiChat,
  'openai responses': openaiResponses,
  anthropic,
  'google genai': gemini,
  ollama,
  ...ai,
};
// [{name, base, key, model, protocol, vendor | aimock, dialects, direct}]: which dialects it serves, and which protocol
// answers behind it, spoken by whom; `direct` when nothing is between.
const places = JSON.parse(process.env.LOWART_PLACES);
const pattern = (process.argv[2] ?? '').toLowerCase();

const cases = [];
/** A case for each client at each place where it makes sense. */
const each = (name, run, only = () => true) => cases.push({ name, run, only: (context) => !context.place.aimock && only(context) });
/** The same for what aimock can answer too. */
const eachEverywhere = (name, run, only = () => true) => cases.push({ name, run, only });

let number = 0;
/** A question that makes the vendor do this, with a mark to find it again. */
const ask = (play, more = {}) => ({ mark: `mark${process.pid}x${++number}`, ...more, text: `play:${play} mark${process.pid}x${number} ${more.text ?? ''}` });
const callsOf = async (place, { mark }) => (await fetch(`${place.vendor}/__calls?mark=${mark}`)).json();

const weather = { name: 'get_weather', description: 'The weather of a city', schema: z.object({ city: z.string() }), run: async ({ city }) => `sunny in ${city}` };
const time = { name: 'get_time', description: 'The time now', schema: z.object({}), run: async () => 'noon' };
const Report = z.object({ city: z.string(), degrees: z.number(), sunny: z.boolean() });
/** aimock's Gemini says FUNCTION_CALL where the real one says STOP; the ai package takes it for no call at all. */
const endsCallsOddly = ({ aimock, protocol }) => aimock && protocol === 'gemini';
/** aimock's Ollama always says that nothing was used. */
const tellsNoUsage = ({ aimock, protocol }) => aimock && protocol === 'ollama';
const HARD = 'tab\t quote" back\\slash  é 漢字 🙂 \u2028 \u0085 </script>';

for (const way of ['whole', 'streamed']) {
  eachEverywhere(`${way}: text, finish reason, usage`, async ({ client, place }) => {
    const got = await client[way](ask('hello'));
    assert.equal(got.text, 'Hello, world!');
    assert.equal(got.finish, 'stop');
    if (!tellsNoUsage(place)) assert.deepEqual(got.usage, { input: 11, cached: 0, output: 5 });
    assert.deepEqual(got.calls, []);
    if (way === 'streamed') assert.ok(got.pieces > 1, `came in ${got.pieces} piece`);
  });

  eachEverywhere(`${way}: text that is hard to escape`, async ({ client }) => assert.equal((await client[way](ask('hard'))).text, HARD));

  each(`${way}: cut off by its length`, async ({ client }) => {
    const got = await client[way](ask('length', { maxTokens: 2000 }));
    assert.deepEqual([got.text, got.finish], ['Hello, wor', 'length']);
  });

  each(`${way}: usage with a cache`, async ({ client, dialect }) => {
    const { usage } = await client[way](ask('cached'));
    assert.deepEqual(usage, { input: 131, cached: dialect === 'ollama' ? 0 : 100, output: 5 }); // which has no word for it
  });

  eachEverywhere(`${way}: two calls side by side, one without arguments`, async ({ client, place }) => {
    const got = await client[way](ask('tools', { tools: [weather, time] }));
    assert.equal(got.text, 'I shall look.');
    if (!endsCallsOddly(place)) assert.equal(got.finish, 'tools');
    assert.deepEqual(got.calls.map(({ name, input }) => [name, input]), [['get_weather', { city: 'Paris' }], ['get_time', {}]]);
  });

  eachEverywhere(`${way}: a loop of tools to its end`, async ({ client }) => {
    const text = await client.loop(ask('tools'), [weather, time], way === 'streamed');
    assert.equal(text, 'The tools say: sunny in Paris and noon');
  }, ({ place }) => !endsCallsOddly(place));

  each(`${way}: thinking is shown`, async ({ client }) => {
    const got = await client[way](ask('think', { think: true }));
    assert.equal(got.text, 'Forty-two.');
    assert.equal(got.usage.output, 12);
    assert.equal(got.thinking, 'Six times seven.');
  }, ({ hidesThinking }) => !hidesThinking);

  each(`${way}: thinking that is not shown`, async ({ client }) => assert.equal((await client[way](ask('redact', { think: true }))).text, 'Forty-two.'));

  each(`${way}: the proof of a thought comes back with the tool's result`, async ({ client }) => {
    const text = await client.loop(ask('think_tools', { think: true }), [weather], way === 'streamed');
    assert.equal(text, 'The tools say: sunny in Oslo; the proof is kept');
  }, ({ keepsProof }) => keepsProof);

  eachEverywhere(`${way}: structured output, parsed`, async ({ client }) => {
    assert.deepEqual(await client.report(ask('report'), Report, way === 'streamed'), { city: 'Paris', degrees: 21, sunny: true });
  });

  each(`${way}: an image`, async ({ client }) => {
    const image = png(3, 2);
    const { text } = await client[way](ask('see', { image }));
    assert.equal(text, `I see image/png 3x2, ${image.length} bytes`);
  });
}

/** Whether the dialect can say which tool is to be called. */
const choosesTools = ({ dialect }) => dialect !== 'ollama';

each('settings arrive', async ({ client, name, dialect, place }) => {
  // Anthropic's own SDK has no temperature any more, and Responses have no words that stop.
  const sampling = name !== 'anthropic';
  const stops = ![dialect, place.protocol].includes('openai_responses');
  const q = ask('settings', { system: 'Be brief.', maxTokens: 1234, tools: [weather, time], ...(choosesTools({ dialect }) && { choice: 'get_time' }) });
  if (sampling) q.temperature = 0.25;
  if (stops) q.stop = ['END', 'FIN'];
  const told = JSON.parse((await client.whole(q)).text);
  assert.equal(told.system, 'Be brief.');
  assert.equal(told.max_tokens, 1234);
  assert.deepEqual(told.stop, q.stop ?? []);
  assert.deepEqual(told.tools, ['get_time', 'get_weather']);
  if (choosesTools({ dialect })) assert.equal(told.tool_choice, 'get_time');
  if (sampling) assert.equal(told.temperature, 0.25);
});

each('a call is asked for', async ({ client }) => {
  const told = JSON.parse((await client.whole(ask('settings', { tools: [weather], choice: 'required' }))).text);
  assert.equal(told.tool_choice, 'required');
}, choosesTools);

/** Whether the SDK has a class for each kind of error. */
const named = ({ name }) => !/ApiError|APICallError|ResponseError/.test(name);
const fails = async ({ client }, promise) => client.fault(await promise.then((value) => assert.fail(`nothing raised: ${JSON.stringify(value)}`), (error) => error));

each('a wrong key: 401', async ({ place, sdk }) => {
  const client = sdk.connect({ ...place, key: 'sk-wrong-wrong' });
  const fault = await fails({ client }, client.whole(ask('hello')));
  assert.deepEqual([fault.status, fault.typed], [401, true], fault.message);
  if (named(fault)) assert.equal(fault.name, 'AuthenticationError');
});

for (const [status, name] of [[400, 'BadRequestError'], [404, 'NotFoundError'], [413, undefined]]) {
  eachEverywhere(`what the vendor refuses: ${status}`, async ({ client }) => {
    for (const way of ['whole', 'streamed']) {
      const fault = await fails({ client }, client[way](ask(`status${status}`)));
      assert.deepEqual([fault.status, fault.typed], [status, true], fault.message);
      if (named(fault) && name) assert.equal(fault.name, name);
    }
  });
}
eachEverywhere('the vendor is busy: 429 with a time', async ({ client, busy }) => {
  const fault = await fails({ client }, client.whole(ask('status429', { model: busy })));
  assert.deepEqual([fault.status, fault.typed], [429, true], fault.message);
  if (named(fault)) assert.deepEqual([fault.name, fault.retryAfter], ['RateLimitError', '2']);
});

eachEverywhere('the vendor fails: an error of 500 or above', async ({ client }) => {
  for (const status of [500, 503, 529]) {
    const fault = await fails({ client }, client.whole(ask(`status${status}`)));
    assert.ok(fault.status >= 500 && fault.typed, JSON.stringify(fault));
    if (named(fault)) assert.match(fault.name, /InternalServerError|ServiceUnavailableError|OverloadedError|GatewayTimeoutError/);
  }
});

each('an error carries a request id', async ({ client }) => {
  const fault = await fails({ client }, client.whole(ask('status400')));
  if (named(fault)) assert.match(fault.requestId ?? '', /^req_/);
});

each('an unknown model: 404', async ({ client }) => {
  const fault = await fails({ client }, client.whole(ask('hello', { model: 'nothing-of-the-kind' })));
  assert.deepEqual([fault.status, fault.typed], [404, true], fault.message);
}, ({ place }) => !place.direct);

for (const play of ['error_event', 'cut']) {
  each(`a stream that breaks is an error, not an end: ${play}`, async ({ client }) => {
    let text = '';
    const read = async () => {
      for await (const piece of client.read(ask(play))) text += piece;
    };
    await assert.rejects(read());
    assert.ok('Hello, wor'.startsWith(text), text);
  });
}

each('a client that leaves in the middle ends the call upstream', async ({ client, place }) => {
  const q = ask('endless');
  const controller = new AbortController();
  let seen = 0;
  try {
    for await (const _ of client.read(q, { signal: controller.signal })) if (++seen === 4) controller.abort();
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  assert.ok(seen >= 4);
  const end = Date.now() + 2000;
  for (;;) {
    const [call] = await callsOf(place, q);
    if (call.left) break;
    assert.ok(Date.now() < end, 'the upstream still writes');
    await new Promise((done) => setTimeout(done, 20));
  }
});

each('tokens are counted', async ({ client }) => assert.ok((await client.count(ask('hello', { text: 'one two three' }))) > 0), ({ client }) => !!client.count);

eachEverywhere('many calls at once', async ({ client }) => {
  const all = await Promise.all(Array.from({ length: 8 }, (_, i) => client[i % 2 ? 'whole' : 'streamed'](ask('hello'))));
  assert.ok(all.every(({ text }) => text === 'Hello, world!'));
});

async function run({ name, run: body }, context) {
  const start = performance.now();
  const error = await body(context).then(() => '', (e) => e.stack ?? String(e));
  console.log(JSON.stringify({ name: `${context.name} -> ${context.place.name}: ${name}`, seconds: (performance.now() - start) / 1000, error }));
}

async function row(context) {
  for (const one of cases) {
    if (!one.only(context)) continue;
    if (!`node_matrix_test ${context.name} -> ${context.place.name}: ${one.name}`.toLowerCase().includes(pattern)) continue;
    await run(one, context);
  }
}

for (const place of places) {
  const rows = Object.entries(clients).filter(([, { dialect }]) => place.dialects.includes(dialect));
  await Promise.all(
    rows.map(([name, sdk], i) => {
      const client = sdk.connect({ ...place, lenient: !!place.aimock });
      const traits = {
        busy: `${place.model}-busy${i}`,
        // OpenAI's chat has no word for reasoning: the ai package does not look for the one that others use.
        // Over Responses it leaves the wish for a summary out for models it does not know, and Gemini must be asked.
        hidesThinking: name === 'ai over openai' || (name === 'ai over openai_responses' && place.protocol === 'gemini'),
        // A proof can travel only in a dialect that has a place for it, to the vendor who gave it.
        keepsProof: ![sdk.dialect, place.protocol].some((one) => one === 'openai' || one === 'ollama'),
      };
      return row({ name, sdk, client, place, dialect: sdk.dialect, ...traits });
    }),
  );
}
