// A gateway of one's own: two providers with a breaker each, the second when the first fails.
// Run:  OPENAI_API_KEY=sk-... ./010_gateway      Then ask it like OpenAI, at http://127.0.0.1:8080/v1.
#include <lowart/lowart.hpp>

using namespace lowart;

//[gateway
int main(int argc, char** argv) {
  Runtime runtime;  // one event loop per core
  OpenAiOptions openai;
  openai.api_key = env_secret("OPENAI_API_KEY");
  if (argc > 2) openai.base_url = argv[2];

  auto answer =
      Fallback{
          OpenAi{openai} | timeouts({.connect = 1s, .first_token = 20s}) | breaker({.failures = 3}) | retry(),
          Demo{},
      } |
      metered(TokenMeter{}, NoSink{});

  ServeOptions where;
  where.listen = {argc > 1 ? argv[1] : "127.0.0.1:8080"};
  return serve(runtime, Gateway{std::move(answer)}, where);
}
//]
