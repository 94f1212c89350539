"""The model of a coding agent: reads a file, then two more side by side, then tells what they say."""

import re

from kit.vendors.plays import heard
from kit.vendors.turns import SIGNATURE, Text, Thinking, ToolCall, ToolResult, Turn, Usage

SHELLS = ("exec_command", "bash", "run_shell_command")
WORDS = ("swordfish", "red", "green")


def shell_call(asked, id, command):
    name = next(name for name in SHELLS if name in asked.tools)
    properties = asked.tools[name]["properties"]
    arguments = {"cmd" if "cmd" in properties else "command": command}
    if "description" in properties:
        arguments["description"] = "Reads a file"
    return ToolCall(id, name, arguments)


def agent_play(asked):
    if not any(name in asked.tools for name in SHELLS):
        return Turn((Text("Reading files"),))  # it asks for a title, or the like
    thought = (Thinking("I shall read it.", SIGNATURE),) if asked.thinks else ()
    results = "\n".join(heard(result) for result in asked.parts(ToolResult))
    done = len(asked.parts(ToolResult))
    if done == 0:
        call = shell_call(asked, "call_first", "cat secret.txt")
        return Turn((*thought, Text("I shall look."), call), "tools", Usage(500, 2000, 0, 30))
    if done == 1:
        calls = [shell_call(asked, f"call_{name}", f"cat {name}.txt") for name in ("one", "two")]
        return Turn((*thought, *calls), "tools", Usage(600, 2500, 0, 40))
    said = [word for word in WORDS if re.search(rf"\b{word}\b", results)]
    return Turn((Text(f"The files say: {', '.join(said)}."),), usage=Usage(700, 3000, 0, 12))
