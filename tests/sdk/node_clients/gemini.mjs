// The npm package @google/genai.
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from '@google/genai';
import { faultOf, jsonSchema } from './common.mjs';

export const dialect = 'gemini';

// Its version 3 asks under /v1; `lenient`: aimock knows /v1beta only.
export function connect({ base, key, model, lenient, direct }) {
  const httpOptions = { baseUrl: base, ...(lenient && direct && { apiVersion: 'v1beta' }), timeout: 20_000, retryOptions: { attempts: 1 } };
  const ai = new GoogleGenAI({ apiKey: key, httpOptions }).models;

  const body = (q, signal) => ({
    model: q.model ?? model,
    contents: q.image ? [{ text: q.text }, { inlineData: { mimeType: 'image/png', data: q.image.toString('base64') } }] : q.text,
    config: {
      ...(signal && { abortSignal: signal }),
      ...(q.system && { systemInstruction: q.system }),
      ...(q.tools && { tools: [{ functionDeclarations: q.tools.map(declared) }] }),
      ...(q.choice && { toolConfig: { functionCallingConfig: calling(q.choice) } }),
      ...(q.temperature !== undefined && { temperature: q.temperature }),
      ...(q.maxTokens && { maxOutputTokens: q.maxTokens }),
      ...(q.stop && { stopSequences: q.stop }),
      ...(q.think && { thinkingConfig: { includeThoughts: true } }),
    },
  });
  const declared = ({ name, description, schema }) => ({ name, description, parametersJsonSchema: jsonSchema(schema) });
  const calling = (choice) => ({
    mode: FunctionCallingConfigMode.ANY,
    ...(choice !== 'required' && { allowedFunctionNames: [choice] }),
  });

  /** The parts, reason and usage of an answer; of a stream, all of its pieces together. */
  const reply = (parts, finishReason, usage) => {
    const calls = parts.filter((part) => part.functionCall).map(({ functionCall: { id, name, args } }) => ({ id, name, input: args ?? {} }));
    const all = (thought) => parts.filter((part) => part.text && !!part.thought === thought).map((part) => part.text).join('');
    return {
      text: all(false),
      thinking: all(true),
      calls,
      finish: finishReason === 'MAX_TOKENS' ? 'length' : finishReason !== 'STOP' ? finishReason : calls.length ? 'tools' : 'stop',
      usage: {
        input: usage.promptTokenCount,
        cached: usage.cachedContentTokenCount ?? 0,
        output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
      },
    };
  };

  async function gather(request) {
    const parts = [];
    let finish, usage;
    let pieces = 0;
    for await (const chunk of await ai.generateContentStream(request)) {
      const [candidate] = chunk.candidates ?? [];
      parts.push(...(candidate?.content?.parts ?? []));
      pieces += candidate?.content?.parts?.some((part) => part.text) ? 1 : 0;
      finish = candidate?.finishReason ?? finish;
      usage = chunk.usageMetadata ?? usage;
    }
    return { parts, finish, usage, pieces };
  }
  async function ask(request, stream) {
    if (stream) return gather(request);
    const { candidates: [{ content, finishReason }], usageMetadata } = await ai.generateContent(request);
    return { parts: content.parts, finish: finishReason, usage: usageMetadata };
  }

  return {
    async whole(q, { signal } = {}) {
      const { parts, finish, usage } = await ask(body(q, signal), false);
      return reply(parts, finish, usage);
    },
    async streamed(q, { signal } = {}) {
      const { parts, finish, usage, pieces } = await gather(body(q, signal));
      return { ...reply(parts, finish, usage), pieces };
    },
    async *read(q, { signal } = {}) {
      for await (const chunk of await ai.generateContentStream(body(q, signal))) if (chunk.text) yield chunk.text;
    },
    async loop(q, tools, stream) {
      const request = { ...body({ ...q, tools }), contents: [{ role: 'user', parts: [{ text: q.text }] }] };
      for (let turn = 0; turn < 5; ++turn) {
        const { parts } = await ask(request, stream);
        const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
        if (!calls.length) return parts.filter((part) => !part.thought).map((part) => part.text ?? '').join('');
        request.contents.push({ role: 'model', parts });
        const results = calls.map(async ({ id, name, args }) => {
          const result = await tools.find((tool) => tool.name === name).run(args ?? {});
          return { functionResponse: { ...(id && { id }), name, response: { output: result } } };
        });
        request.contents.push({ role: 'user', parts: await Promise.all(results) });
      }
      throw new Error('the loop does not end');
    },
    async report(q, schema, stream) {
      const request = body(q);
      Object.assign(request.config, { responseMimeType: 'application/json', responseJsonSchema: jsonSchema(schema) });
      const { parts } = await ask(request, stream);
      return schema.parse(JSON.parse(parts.map((part) => part.text ?? '').join('')));
    },
    fault: (error) => faultOf(error, ApiError),
  };
}
