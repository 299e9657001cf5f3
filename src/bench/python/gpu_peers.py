#!/usr/bin/env python3
"""Times training steps of Hugging Face PEFT on PyTorch for jobs/gpu-check.sh.

    gpu_peers.py '{"kind": "roberta", "width": 768, ...}'

Prints one line of JSON with the versions of what it needs, or with what is missing; then reads ways
of running the steps, a line each, and answers with a line of JSON: the median of milliseconds, and
the most memory in MB. The ways: eager, compiled (torch.compile), graph (eager steps captured in one
CUDA graph), compiled-graph. Weights, adapters and arithmetic are BF16, AdamW is fused, nothing drops
out, all rows are full. The GPU is touched only once a way is asked for.
"""

import json
import statistics
import sys
import time
import warnings

WARM_UP = 10
STEPS = 40
CLASSES = 2


def answer(**members):
    print(json.dumps(members), flush=True)


def build(shape, torch, device):
    """Returns the model with its adapters, and a batch."""
    from peft import LoraConfig, get_peft_model
    from transformers import (
        LlamaConfig,
        LlamaForSequenceClassification,
        RobertaConfig,
        RobertaForSequenceClassification,
    )

    sizes = {
        "vocab_size": shape["vocabulary"],
        "hidden_size": shape["width"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "intermediate_size": shape["inner"],
        "num_labels": CLASSES,
        "problem_type": "single_label_classification",
    }
    if shape["kind"] == "llama":
        config = LlamaConfig(
            num_key_value_heads=shape["key_heads"],
            max_position_embeddings=8192,
            pad_token_id=0,
            use_cache=False,
            **sizes,
        )
        kind, targets = LlamaForSequenceClassification, ["q_proj", "v_proj"]
    else:
        config = RobertaConfig(
            max_position_embeddings=shape["tokens"] + 2,
            type_vocab_size=1,
            pad_token_id=1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            **sizes,
        )
        kind, targets = RobertaForSequenceClassification, ["query", "value"]
    # Without a mask it would look at the ids once a step, which waits for the device.
    kind.warn_if_padding_and_no_attention_mask = lambda *ignored, **also: None
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = kind(config)
    finally:
        torch.set_default_dtype(torch.float32)
    settings = LoraConfig(
        task_type="SEQ_CLS",
        r=shape["rank"],
        lora_alpha=2 * shape["rank"],
        lora_dropout=0.0,
        target_modules=targets,
        use_dora=shape["method"] == "dora",
    )
    model = get_peft_model(model, settings, autocast_adapter_dtype=False).to(device)
    model.train()
    rows = (shape["rows"], shape["tokens"])
    ids = torch.randint(2, shape["vocabulary"] - 1, rows, device=device)
    labels = torch.randint(0, CLASSES, (shape["rows"],), device=device)
    return model, ids, labels


class Peer:
    def __init__(self, shape, torch):
        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else shape.get("device")
        if self.device is None:
            raise RuntimeError("PyTorch sees no GPU")
        self.model, self.ids, self.labels = build(shape, torch, self.device)
        self.compiled = None

    def step(self, model, captured=False):
        """Returns what takes one step."""
        learning = [each for each in self.model.parameters() if each.requires_grad]
        on_gpu = self.device == "cuda"
        optimizer = self.torch.optim.AdamW(
            learning, lr=1e-4, fused=on_gpu, capturable=captured
        )
        full = self.torch.ones_like(self.ids)

        def step():
            optimizer.zero_grad(set_to_none=True)
            # A mask cannot be looked at while steps are captured.
            mask = None if captured else full
            loss = model(input_ids=self.ids, labels=self.labels, attention_mask=mask).loss
            loss.backward()
            optimizer.step()

        step.optimizer = optimizer
        return step

    def capture(self, model):
        torch = self.torch
        step = self.step(model, captured=True)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                step()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        step.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        return graph.replay

    def run(self, mode):
        if mode.startswith("compiled") and self.compiled is None:
            self.compiled = self.torch.compile(self.model)
        model = self.compiled if mode.startswith("compiled") else self.model
        return self.timed(self.capture(model) if mode.endswith("graph") else self.step(model))

    def timed(self, step):
        torch = self.torch
        for _ in range(WARM_UP):
            step()
        if self.device != "cuda":
            return self.timed_on_processor(step)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(STEPS + 1)]
        marks[0].record()
        for mark in marks[1:]:
            step()
            mark.record()
        torch.cuda.synchronize()
        millis = [first.elapsed_time(second) for first, second in zip(marks, marks[1:])]
        return statistics.median(millis), torch.cuda.max_memory_allocated() / 1e6

    @staticmethod
    def timed_on_processor(step):
        millis = []
        for _ in range(STEPS):
            start = time.perf_counter()
            step()
            millis.append(1e3 * (time.perf_counter() - start))
        return statistics.median(millis), 0.0


def main():
    warnings.filterwarnings("ignore")
    shape = json.loads(sys.argv[1])
    try:
        import peft
        import torch
        import transformers
    except ImportError as missing:
        answer(lack=f"Python has no {missing.name}")
        return
    transformers.logging.set_verbosity_error()
    answer(
        torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__
    )
    peer = None
    for line in sys.stdin:
        mode = line.strip()
        try:
            peer = peer or Peer(shape, torch)
            millis, megabytes = peer.run(mode)
            answer(mode=mode, ms=millis, megabytes=megabytes)
        except Exception as failure:  # whatever it is, the check goes on without this figure
            answer(mode=mode, lack=f"PyTorch reports {type(failure).__name__}")


if __name__ == "__main__":
    main()
