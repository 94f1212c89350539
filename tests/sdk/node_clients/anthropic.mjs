// The npm package @anthropic-ai/sdk.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { faultOf, jsonSchema } from './common.mjs';

export const dialect = 'anthropic';

// The tool runner keeps its conversation with the server when that can; aimock (`lenient`) says yes and cannot.
export function connect({ base, key, model, lenient }) {
  const client = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0, timeout: 20_000 });
  const ai = client.messages;

  const body = (q) => ({
    model: q.model ?? model,
    max_tokens: q.maxTokens ?? 4096,
    messages: [{ role: 'user', content: q.image ? [{ type: 'text', text: q.text }, imagePart(q.image)] : q.text }],
    ...(q.system && { system: q.system }),
    ...(q.tools && { tools: q.tools.map(declared) }),
    ...(q.choice && { tool_choice: q.choice === 'required' ? { type: 'any' } : { type: 'tool', name: q.choice } }),
    ...(q.stop && { stop_sequences: q.stop }),
    ...(q.think && { thinking: { type: 'enabled', budget_tokens: 1024 } }),
  });
  const imagePart = (image) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: image.toString('base64') } });
  const declared = ({ name, description, schema }) => ({ name, description, input_schema: jsonSchema(schema) });

  const reply = (message) => {
    const { content, stop_reason, usage, _request_id } = message;
    const all = (type, member) => content.filter((block) => block.type === type).map((block) => block[member]).join('');
    const { cache_read_input_tokens: cached, cache_creation_input_tokens: written } = usage;
    return {
      text: all('text', 'text'),
      thinking: all('thinking', 'thinking'),
      signature: all('thinking', 'signature'),
      redacted: all('redacted_thinking', 'data'),
      calls: content.filter((block) => block.type === 'tool_use').map(({ id, name, input }) => ({ id, name, input })),
      finish: { end_turn: 'stop', max_tokens: 'length', tool_use: 'tools' }[stop_reason] ?? stop_reason,
      usage: { input: usage.input_tokens + (cached ?? 0) + (written ?? 0), cached: cached ?? 0, output: usage.output_tokens },
      requestId: _request_id,
    };
  };

  return {
    whole: async (q, options) => reply(await ai.create(body(q), options)),
    async streamed(q, options) {
      const stream = ai.stream(body(q), options);
      let pieces = 0;
      stream.on('text', () => ++pieces);
      const final = await stream.finalMessage();
      return { ...reply(final), pieces, requestId: stream.request_id };
    },
    async *read(q, options) {
      for await (const event of await ai.create({ ...body(q), stream: true }, options)) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text;
      }
    },
    async loop(q, tools, stream) {
      const runnable = tools.map(({ name, description, schema, run }) => betaZodTool({ name, description, inputSchema: schema, run }));
      const runner = client.beta.messages.toolRunner({ ...body(q), tools: runnable, stream, max_iterations: 5, ...(lenient && { thread: false }) });
      return reply(await runner.runUntilDone()).text;
    },
    async report(q, schema, stream) {
      const asked = { ...body(q), output_config: { format: zodOutputFormat(schema) } };
      return (stream ? await ai.stream(asked).finalMessage() : await ai.parse(asked)).parsed_output;
    },
    count: async (q) => {
      const { max_tokens, ...asked } = body(q);
      return (await ai.countTokens(asked)).input_tokens;
    },
    fault: (error) => faultOf(error, Anthropic.APIError, error.requestID, error.headers?.get('retry-after')),
  };
}
