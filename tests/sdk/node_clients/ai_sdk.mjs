// The npm package ai (Vercel's AI SDK), over each of its providers.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, Output, generateText, isStepCount, streamText, tool } from 'ai';
import { faultOf } from './common.mjs';

const providers = {
  openai: ({ base, key }) => createOpenAI({ baseURL: `${base}/v1`, apiKey: key }).chat,
  openai_responses: ({ base, key }) => createOpenAI({ baseURL: `${base}/v1`, apiKey: key }).responses,
  anthropic: ({ base, key }) => createAnthropic({ baseURL: `${base}/v1`, apiKey: key }),
  gemini: ({ base, key }) => createGoogle({ baseURL: `${base}/v1beta`, apiKey: key }),
};
const thinking = {
  openai: { openai: { reasoningEffort: 'medium' } },
  openai_responses: { openai: { reasoningSummary: 'auto', store: false, include: ['reasoning.encrypted_content'] } },
  anthropic: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
  gemini: { google: { thinkingConfig: { includeThoughts: true } } },
};

const over = (dialect) => ({
  dialect,
  connect(place) {
    const make = providers[dialect](place);

    const ask = (q, { signal } = {}) => ({
      model: make(q.model ?? place.model),
      messages: [{ role: 'user', content: [{ type: 'text', text: q.text }, ...(q.image ? [{ type: 'file', mediaType: 'image/png', data: q.image }] : [])] }],
      maxRetries: 0,
      abortSignal: signal,
      ...(q.system && { instructions: q.system }),
      ...(q.tools && { tools: Object.fromEntries(q.tools.map(({ name, description, schema }) => [name, tool({ description, inputSchema: schema })])) }),
      ...(q.choice && { toolChoice: q.choice === 'required' ? 'required' : { type: 'tool', toolName: q.choice } }),
      ...(q.temperature !== undefined && { temperature: q.temperature }),
      ...(q.maxTokens && { maxOutputTokens: q.maxTokens }),
      ...(q.stop && { stopSequences: q.stop }),
      ...(q.think ? { providerOptions: thinking[dialect] } : dialect === 'openai_responses' && { providerOptions: { openai: { store: false } } }),
    });
    const reply = async (result) => {
      const usage = await result.usage;
      return {
        text: await result.text,
        thinking: (await result.reasoningText) ?? '',
        calls: (await result.toolCalls).map(({ toolCallId, toolName, input }) => ({ id: toolCallId, name: toolName, input })),
        finish: { 'tool-calls': 'tools' }[await result.finishReason] ?? (await result.finishReason),
        usage: { input: usage.inputTokens, cached: usage.inputTokenDetails.cacheReadTokens ?? 0, output: usage.outputTokens },
      };
    };
    /** A stream whose errors are thrown where it is read. */
    const start = (options) => {
      let failed;
      const result = streamText({ ...options, onError: ({ error }) => (failed = error) });
      return { result, check: () => { if (failed) throw failed; } };
    };
    async function finish(options) {
      const { result, check } = start(options);
      let pieces = 0;
      for await (const _ of result.textStream) ++pieces;
      check();
      return { result, pieces };
    }

    return {
      whole: async (q, options) => reply(await generateText(ask(q, options))),
      async streamed(q, options) {
        const { result, pieces } = await finish(ask(q, options));
        return { ...(await reply(result)), pieces };
      },
      async *read(q, options) {
        const { result, check } = start(ask(q, options));
        yield* result.textStream;
        check();
        options?.signal?.throwIfAborted();
      },
      async loop(q, tools, stream) {
        const runnable = tools.map(({ name, description, schema, run }) => [name, tool({ description, inputSchema: schema, execute: run })]);
        const options = { ...ask(q), tools: Object.fromEntries(runnable), stopWhen: isStepCount(5) };
        return stream ? (await finish(options)).result.text : (await generateText(options)).text;
      },
      async report(q, schema, stream) {
        const options = { ...ask(q), output: Output.object({ schema, name: 'report' }) };
        return stream ? (await finish(options)).result.output : (await generateText(options)).output;
      },
      fault: (error) => faultOf(error, APICallError, undefined, error.responseHeaders?.['retry-after']),
    };
  },
});

export const clients = Object.fromEntries(Object.keys(providers).map((dialect) => [`ai over ${dialect}`, over(dialect)]));
