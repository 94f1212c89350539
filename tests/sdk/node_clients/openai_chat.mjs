// The npm package openai, chat completions.
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { faultOf, jsonSchema } from './common.mjs';

export const dialect = 'openai';

export function connect({ base, key, model }) {
  const ai = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 }).chat.completions;

  const body = (q) => ({
    model: q.model ?? model,
    messages: [
      ...(q.system ? [{ role: 'system', content: q.system }] : []),
      { role: 'user', content: q.image ? [{ type: 'text', text: q.text }, imagePart(q.image)] : q.text },
    ],
    ...(q.tools && { tools: q.tools.map(declared) }),
    ...(q.choice && { tool_choice: q.choice === 'required' ? 'required' : { type: 'function', function: { name: q.choice } } }),
    ...(q.temperature !== undefined && { temperature: q.temperature }),
    ...(q.maxTokens && { max_completion_tokens: q.maxTokens }),
    ...(q.stop && { stop: q.stop }),
    ...(q.think && { reasoning_effort: 'medium' }),
  });
  const imagePart = (image) => ({ type: 'image_url', image_url: { url: `data:image/png;base64,${image.toString('base64')}` } });
  const declared = ({ name, description, schema }) => ({ type: 'function', function: { name, description, parameters: jsonSchema(schema) } });

  const reply = ({ choices: [{ message, finish_reason }], usage, _request_id }) => ({
    text: message.content ?? '',
    thinking: message.reasoning_content ?? '',
    calls: (message.tool_calls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) })),
    finish: { tool_calls: 'tools' }[finish_reason] ?? finish_reason,
    usage: { input: usage.prompt_tokens, cached: usage.prompt_tokens_details?.cached_tokens ?? 0, output: usage.completion_tokens },
    requestId: _request_id,
  });

  return {
    whole: async (q, options) => reply(await ai.create(body(q), options)),
    async streamed(q, options) {
      const stream = ai.stream({ ...body(q), stream_options: { include_usage: true } }, options);
      let pieces = 0;
      let thinking = '';
      stream.on('chunk', ({ choices: [choice] }) => {
        if (choice?.delta.content) ++pieces;
        thinking += choice?.delta.reasoning_content ?? '';
      });
      const final = await stream.finalChatCompletion();
      return { ...reply(final), thinking, pieces };
    },
    async *read(q, options) {
      for await (const chunk of await ai.create({ ...body(q), stream: true }, options)) {
        const text = chunk.choices[0]?.delta.content;
        if (text) yield text;
      }
    },
    async loop(q, tools, stream) {
      const runnable = tools.map(({ name, description, schema, run }) => ({
        type: 'function',
        function: { name, description, parameters: jsonSchema(schema), parse: JSON.parse, function: run },
      }));
      return ai.runTools({ ...body(q), tools: runnable, stream }).finalContent();
    },
    async report(q, schema, stream) {
      const asked = { ...body(q), response_format: zodResponseFormat(schema, 'report') };
      const final = stream ? await ai.stream(asked).finalChatCompletion() : await ai.parse(asked);
      return final.choices[0].message.parsed;
    },
    fault: (error) => faultOf(error, OpenAI.APIError, error.requestID, error.headers?.get('retry-after')),
  };
}
