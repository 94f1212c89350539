// The npm package openai, Responses.
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { faultOf, jsonSchema } from './common.mjs';

export const dialect = 'openai_responses';

// `lenient`: aimock counts no events, and reports no details of its usage.
export function connect({ base, key, model, lenient }) {
  const ai = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 }).responses;

  const body = (q) => ({
    model: q.model ?? model,
    input: q.image ? [{ role: 'user', content: [{ type: 'input_text', text: q.text }, imagePart(q.image)] }] : q.text,
    store: false,
    ...(q.system && { instructions: q.system }),
    ...(q.tools && { tools: q.tools.map(declared) }),
    ...(q.choice && { tool_choice: q.choice === 'required' ? 'required' : { type: 'function', name: q.choice } }),
    ...(q.temperature !== undefined && { temperature: q.temperature }),
    ...(q.maxTokens && { max_output_tokens: q.maxTokens }),
    ...(q.think && { reasoning: { effort: 'medium', summary: 'auto' }, include: ['reasoning.encrypted_content'] }),
  });
  const imagePart = (image) => ({ type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${image.toString('base64')}` });
  const declared = ({ name, description, schema }) => ({ type: 'function', name, description, parameters: jsonSchema(schema), strict: false });

  const reply = (response) => {
    const { output, usage, status, incomplete_details, _request_id } = response;
    const calls = output.filter((item) => item.type === 'function_call').map((item) => ({ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) }));
    const length = status === 'incomplete' && incomplete_details.reason === 'max_output_tokens';
    return {
      text: response.output_text,
      thinking: output.filter((item) => item.type === 'reasoning').flatMap((item) => item.summary.map((part) => part.text)).join(''),
      calls,
      finish: length ? 'length' : calls.length ? 'tools' : 'stop',
      usage: { input: usage.input_tokens, cached: lenient ? 0 : usage.input_tokens_details.cached_tokens, output: usage.output_tokens },
      requestId: _request_id,
    };
  };

  const ask = async (asked, stream, options) => (stream ? ai.stream(asked, options).finalResponse() : ai.create(asked, options));

  return {
    whole: async (q, options) => reply(await ai.create(body(q), options)),
    async streamed(q, options) {
      const stream = ai.stream(body(q), options);
      let pieces = 0;
      let last = -1;
      let inOrder = true;
      stream.on('response.output_text.delta', () => ++pieces);
      stream.on('event', (event) => {
        inOrder &&= event.sequence_number === last + 1;
        last = event.sequence_number;
      });
      const final = await stream.finalResponse();
      if (!inOrder && !lenient) throw new Error('sequence numbers are not in order');
      return { ...reply(final), pieces };
    },
    async *read(q, options) {
      for await (const event of await ai.create({ ...body(q), stream: true }, options)) {
        if (event.type === 'response.output_text.delta') yield event.delta;
      }
    },
    async loop(q, tools, stream) {
      const asked = { ...body({ ...q, tools }), input: [{ role: 'user', content: q.text }] };
      for (let turn = 0; turn < 5; ++turn) {
        const { output, output_text } = await ask(asked, stream);
        const calls = output.filter((item) => item.type === 'function_call');
        if (!calls.length) return output_text;
        // What `parse` adds to an item is not the API's.
        asked.input.push(...output.map(({ parsed_arguments, ...item }) => item));
        for (const { call_id, name, arguments: text } of calls) {
          const result = await tools.find((tool) => tool.name === name).run(JSON.parse(text));
          asked.input.push({ type: 'function_call_output', call_id, output: result });
        }
      }
      throw new Error('the loop does not end');
    },
    async report(q, schema, stream) {
      const asked = { ...body(q), text: { format: zodTextFormat(schema, 'report') } };
      return (stream ? await ai.stream(asked).finalResponse() : await ai.parse(asked)).output_parsed;
    },
    fault: (error) => faultOf(error, OpenAI.APIError, error.requestID, error.headers?.get('retry-after')),
  };
}
