"""Asks a NATS server with the client nats-py: judge.py URL VERB STREAM [ARGUMENT...]. Prints JSON lines."""
import asyncio
import json
import os
import sys

import nats


async def api(client, verb, body=""):
    """One request to JetStream."""
    body = body if isinstance(body, str) else json.dumps(body)
    answer = await client.request("$JS.API." + verb, body.encode(), timeout=20)
    answer = json.loads(answer.data)
    if "error" in answer:
        sys.exit(f"{verb}: {answer['error']}")
    return answer


async def read(client, stream):
    """Every message of the stream, from the first: sequence, subject, headers, content."""
    last = (await api(client, "STREAM.INFO." + stream))["state"]
    if last["messages"] == 0:
        return
    messages = await client.jetstream().subscribe(">", stream=stream, ordered_consumer=True)
    while True:
        message = await messages.next_msg(timeout=20)
        seq = message.metadata.sequence.stream
        try:
            data = json.loads(message.data)
        except ValueError:
            data = message.data.decode(errors="replace")
        print(json.dumps({"seq": seq, "subject": message.subject, "headers": message.header or {}, "data": data}))
        if seq >= last["last_seq"]:
            return


async def publish(client, stream, subject, count):
    """Messages of somebody else, each confirmed."""
    for number in range(int(count)):
        await client.jetstream().publish(subject, f"foreign {number}".encode(), stream=stream, timeout=20)


async def main(url, verb, stream, *arguments):
    login = {}
    if "JUDGE_USER" in os.environ:
        login = {"user": os.environ["JUDGE_USER"], "password": os.environ["JUDGE_PASSWORD"]}
    client = await nats.connect(url, allow_reconnect=False, connect_timeout=20, **login)
    if verb == "read":
        await read(client, stream)
    elif verb == "publish":
        await publish(client, stream, *arguments)
    elif verb == "publish_with":
        subject, headers = arguments
        await client.jetstream().publish(subject, b"", stream=stream, headers=json.loads(headers), timeout=20)
    elif verb == "delete":
        await api(client, "STREAM.MSG.DELETE." + stream, {"seq": int(arguments[0])})
    else:
        name = f"STREAM.{verb}.{stream}".rstrip(".")
        print(json.dumps(await api(client, name, *arguments)))
    await client.close()


asyncio.run(main(*sys.argv[1:]))
