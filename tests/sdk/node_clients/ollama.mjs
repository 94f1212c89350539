// The npm package ollama.
import { Ollama } from 'ollama';
import { jsonSchema } from './common.mjs';

export const dialect = 'ollama';

export function connect({ base, key, model }) {
  const ai = () => new Ollama({ host: base, headers: { Authorization: `Bearer ${key}` } });

  const body = (q) => ({
    model: q.model ?? model,
    messages: [
      ...(q.system ? [{ role: 'system', content: q.system }] : []),
      { role: 'user', content: q.text, ...(q.image && { images: [new Uint8Array(q.image)] }) },
    ],
    ...(q.tools && { tools: q.tools.map(declared) }),
    ...(q.think && { think: true }),
    options: {
      ...(q.temperature !== undefined && { temperature: q.temperature }),
      ...(q.maxTokens && { num_predict: q.maxTokens }),
      ...(q.stop && { stop: q.stop }),
    },
  });
  const declared = ({ name, description, schema }) => ({ type: 'function', function: { name, description, parameters: jsonSchema(schema) } });

  /** Of the pieces of a stream, or of one whole answer. */
  const reply = (chunks) => {
    const last = chunks.at(-1);
    const all = (member) => chunks.map(({ message }) => message[member] ?? '').join('');
    const calls = chunks.flatMap(({ message }) => message.tool_calls ?? []);
    return {
      text: all('content'),
      thinking: all('thinking'),
      calls: calls.map(({ id, function: { name, arguments: input } }) => ({ id, name, input })),
      finish: calls.length && last.done_reason === 'stop' ? 'tools' : last.done_reason,
      usage: { input: last.prompt_eval_count, cached: 0, output: last.eval_count },
    };
  };

  /** The pieces of an answer. */
  async function* pieces(request, stream, signal) {
    const client = ai();
    if (!stream) return yield await client.chat({ ...request, stream: false });
    const found = await client.chat({ ...request, stream: true });
    signal?.addEventListener('abort', () => found.abort());
    yield* found;
  }
  async function gather(request, stream, signal) {
    const chunks = [];
    for await (const chunk of pieces(request, stream, signal)) chunks.push(chunk);
    return chunks;
  }

  return {
    whole: async (q) => reply(await gather(body(q), false)),
    async streamed(q, { signal } = {}) {
      const chunks = await gather(body(q), true, signal);
      return { ...reply(chunks), pieces: chunks.filter(({ message }) => message.content).length };
    },
    async *read(q, { signal } = {}) {
      for await (const { message } of pieces(body(q), true, signal)) if (message.content) yield message.content;
    },
    async loop(q, tools, stream) {
      const request = body({ ...q, tools });
      for (let turn = 0; turn < 5; ++turn) {
        const chunks = await gather(request, stream);
        const calls = chunks.flatMap(({ message }) => message.tool_calls ?? []);
        const content = chunks.map(({ message }) => message.content ?? '').join('');
        if (!calls.length) return content;
        request.messages.push({ role: 'assistant', content, tool_calls: calls });
        for (const { function: { name, arguments: input } } of calls)
          request.messages.push({ role: 'tool', content: await tools.find((tool) => tool.name === name).run(input), tool_name: name });
      }
      throw new Error('the loop does not end');
    },
    async report(q, schema, stream) {
      const chunks = await gather({ ...body(q), format: jsonSchema(schema) }, stream);
      return schema.parse(JSON.parse(reply(chunks).text));
    },
    fault: (error) => ({ typed: error.name === 'ResponseError', name: error.name, status: error.status_code, message: String(error.message) }),
  };
}
