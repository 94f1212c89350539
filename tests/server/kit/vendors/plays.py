"""What the model says. The user's text names it: `play:NAME`, anywhere; without, it greets."""

import json
import re

from .turns import (
    REDACTED,
    SIGNATURE,
    Fault,
    Image,
    Redacted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    need,
    size_of_png,
)

HARD = 'tab\t quote" back\\slash  é 漢字 🙂 \u2028 \u0085 </script>'


def greets(asked):
    return Turn((Text("Hello, world!"),))


def heard(result):
    """A model understands a result that is wrapped into JSON: Gemini's clients have no other way to say one."""
    try:
        value = json.loads(result.text)
        return next(value[name] for name in ("output", "result", "content") if name in value)
    except (ValueError, TypeError, StopIteration):
        return result.text


def results_told(asked):
    told = [heard(result) for result in asked.parts(ToolResult)]
    return Turn((Text(f"The tools say: {' and '.join(told)}"),), usage=Usage(31, 0, 0, 9))


def argument_of(schema):
    return {"city": "Paris"} if (schema or {}).get("properties") else {}


def calls_tools(asked):
    """Some words and a call of each tool, side by side; a tool without parameters is called with none."""
    if asked.parts(ToolResult):
        return results_told(asked)
    need(asked.tools, "play:tools without tools")
    calls = [
        ToolCall(f"call_{i}_{name}", name, argument_of(schema))
        for i, (name, schema) in enumerate(asked.tools.items())
    ]
    return Turn((Text("I shall look."), *calls), "tools", Usage(21, 0, 0, 14))


def thinks(asked):
    return Turn((Thinking("Six times seven.", SIGNATURE), Text("Forty-two.")), usage=Usage(reasoning=7))


def thinks_and_calls(asked):
    """What was thought before a call has to come back with the call's result, proof and all."""
    if asked.parts(ToolResult):
        kept = any(part.signature == SIGNATURE for part in asked.parts(Thinking))
        told = results_told(asked)
        return Turn(
            (Text(f"{told.parts[0].text}; the proof is {'kept' if kept else 'missing'}"),), usage=told.usage
        )
    name = next(iter(asked.tools))
    call = ToolCall("call_thought", name, {"city": "Oslo"})
    return Turn((Thinking("I need the weather.", SIGNATURE), call), "tools", Usage(reasoning=6))


def hides(asked):
    return Turn((Redacted(REDACTED), Text("Forty-two.")), usage=Usage(reasoning=9))


REPORT = {"city": "Paris", "degrees": 21, "sunny": True}


def fills_in(asked):
    """Asked by a schema; or by a tool that has to be called, as the ai package does with models it does not know."""
    schema = asked.schema or asked.tools.get("json")
    need(schema, "play:report without a schema")
    need(set(schema.get("properties", {})) == set(REPORT), f"another schema arrived: {schema}")
    if not asked.schema:
        need(asked.tool_choice in ("required", "json"), f"the tool choice is {asked.tool_choice}")
        return Turn((ToolCall("call_report", "json", REPORT),), "tools")
    return Turn((Text(json.dumps(REPORT)),))


def sees(asked):
    images = asked.parts(Image)
    need(images, "play:see without an image")
    told = [f"{i.media_type} {'x'.join(map(str, size_of_png(i.data)))}, {len(i.data)} bytes" for i in images]
    return Turn((Text(f"I see {' and '.join(told)}"),), usage=Usage(input=90))


def tells_settings(asked):
    """All that was understood of the request but its messages' text."""
    told = {
        "system": asked.system,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "max_tokens": asked.max_tokens,
        "stop": asked.stop,
        "tools": sorted(asked.tools),
        "tool_choice": asked.tool_choice,
        "roles": [role for role, _ in asked.messages],
    }
    text = Text(json.dumps(told))
    forced = next(iter(asked.tools), None) if asked.tool_choice == "required" else asked.tool_choice
    if forced in asked.tools:
        return Turn((text, ToolCall("call_forced", forced, argument_of(asked.tools[forced]))), "tools")
    return Turn((text,))


PLAYS = {
    "hello": greets,
    "hard": lambda asked: Turn((Text(HARD),)),
    "length": lambda asked: Turn((Text("Hello, wor"),), "length"),
    "cached": lambda asked: Turn((Text("Hello, world!"),), usage=Usage(11, 100, 20, 5)),
    "tools": calls_tools,
    "think": thinks,
    "think_tools": thinks_and_calls,
    "redact": hides,
    "report": fills_in,
    "see": sees,
    "settings": tells_settings,
    "status429": lambda asked: Fault(429, retry_after="2"),
    "error_event": lambda asked: Fault(how="event"),
    "cut": lambda asked: Fault(how="cut"),
    "endless": lambda asked: Fault(how="endless"),
    "silence": lambda asked: Fault(how="silence"),
} | {
    f"status{status}": lambda asked, status=status: Fault(status)
    for status in (400, 401, 403, 404, 413, 500, 503, 529)
}


def play(asked):
    named = re.findall(r"play:(\w+)", asked.text)
    if not named:
        return greets(asked)
    need(named[-1] in PLAYS, f"there is no play {named[-1]}")
    return PLAYS[named[-1]](asked)
