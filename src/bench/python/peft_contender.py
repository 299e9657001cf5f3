# A contender of jobs/bench.sh: LoRA by Hugging Face PEFT on torch, stepping as its trainer does, in
# fp32 or under bf16 autocast. The arguments are the contender, a JSON of the shape, rank and threads;
# commands come line by line, each answered by one line of JSON behind "BENCH ". Weights are drawn by
# torch, so losses are not those of the other contenders.
import json
import resource
import sys
import time


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def answer(values):
    print("BENCH " + json.dumps(values), flush=True)


bare = resident()

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import RobertaConfig, RobertaForSequenceClassification  # noqa: E402

name, shape, rank, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(1)
config = RobertaConfig(
    vocab_size=shape["vocabulary"],
    hidden_size=shape["hidden"],
    num_hidden_layers=shape["layers"],
    num_attention_heads=shape["heads"],
    intermediate_size=shape["inner"],
    max_position_embeddings=shape["tokens"] + 2,
    type_vocab_size=1,
    hidden_dropout_prob=0,
    attention_probs_dropout_prob=0,
)
lora = LoraConfig(
    task_type="SEQ_CLS", r=rank, lora_alpha=rank, lora_dropout=0, target_modules=["query", "value"]
)
model = get_peft_model(RobertaForSequenceClassification(config), lora)
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
ids = torch.randint(5, shape["vocabulary"], (shape["rows"], shape["tokens"]))
mask = torch.ones_like(ids)
labels = torch.arange(shape["rows"]) % 2


def step():
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=name == "peft-bf16"):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def measure(seconds, least):
    millis = []
    busy = time.process_time()
    start = time.perf_counter()
    while len(millis) < least or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        step()
        millis.append(1e3 * (time.perf_counter() - before))
    return {
        "millis": millis,
        "processorMillisPerStep": 1e3 * (time.process_time() - busy) / len(millis),
        "peakBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


answer({"gigaflops": -1, "bareBytes": bare, "loadedBytes": resident()})
for line in sys.stdin:
    words = line.split()
    if words[0] == "check":
        for _ in range(3):
            step()
        answer({"first": None, "last": None})
    elif words[0] == "measure":
        answer(measure(float(words[1]), int(words[2])))
    elif words[0] == "quit":
        break
