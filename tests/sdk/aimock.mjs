// An upstream that others wrote: @copilotkit/aimock, told to say what the scripted vendor says. Prints its address.
import { LLMock } from '@copilotkit/aimock';

const usage = {
  prompt_tokens: 11, completion_tokens: 5,
  input_tokens: 11, output_tokens: 5,
  promptTokenCount: 11, candidatesTokenCount: 5, totalTokenCount: 16,
};
// It cuts text between UTF-16 units; pieces of 7 leave the pairs of what it says whole.
const mock = new LLMock({ port: 0, chunkSize: 7 });
const says = (play, response, match = {}) => mock.on({ userMessage: `play:${play} `, ...match }, { ...response, ...(response.error ? {} : { usage }) });

says('hello', { content: 'Hello, world!' });
says('hard', { content: 'tab\t quote" back\\slash  é 漢字 🙂 \u2028 \u0085 </script>' });
says('report', { content: '{"city":"Paris","degrees":21,"sunny":true}' });
says('tools', { content: 'The tools say: sunny in Paris and noon' }, { hasToolResult: true });
says('tools', {
  content: 'I shall look.',
  toolCalls: [
    { name: 'get_weather', arguments: '{"city":"Paris"}', id: 'call_0_get_weather' },
    { name: 'get_time', arguments: '{}', id: 'call_1_get_time' },
  ],
});
says('status429', { error: { message: 'slow down', type: 'rate_limit_error' }, status: 429, retryAfter: 2 });
for (const status of [400, 404, 413, 500, 503, 529]) says(`status${status}`, { error: { message: `says aimock: ${status}`, type: 'invalid_request_error' }, status });

await mock.start();
console.log(mock.url);
