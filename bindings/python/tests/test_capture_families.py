"""Each family's captured parts give the attention that the model itself computes.

A small model with random weights is made from each family's config. What it computes comes from it
and not from a second split: the attention's probabilities (`output_attentions`), and what goes into
its output projection. Of two documents of one length the difference of log probabilities is free of
whatever is added to the scores (masks, ALiBi, relative positions), and, less that of the first key,
of the softmax's denominator: what remains is the difference of q.k. All tokens are at position 0,
where a rotary embedding turns nothing.
"""
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import qkvsim  # noqa: E402

torch.set_num_threads(1)  # models this small gain nothing by more

DOCUMENTS, TOKENS, VOCABULARY = 2, 7, 50
SMALL = dict(hidden_size=32, num_attention_heads=4, num_hidden_layers=2, vocab_size=VOCABULARY,
             intermediate_size=48, max_position_embeddings=64, pad_token_id=0, bos_token_id=1,
             eos_token_id=2)
GROUPED = dict(SMALL, num_key_value_heads=2)


class Case:
    """A family's model: its classes by name, its config, and where its attention is."""

    def __init__(self, config, model, options, attention, output, *, heads=(4, 4), scale=None,
                 layer=1, given=None, positions=True, between=None, stack=None, double=True):
        self.config, self.model, self.options = config, model, options
        self.attention, self.output = attention, output
        self.heads, self.scale, self.layer = heads, scale, layer
        self.given, self.positions, self.between, self.stack = given, positions, between, stack
        self.double = double

    def build(self):
        for name in (self.config, self.model):
            if not hasattr(transformers, name):
                pytest.skip(f"transformers {transformers.__version__} has no {name}")
        config = getattr(transformers, self.config)(**self.options)
        config._attn_implementation = "eager"
        torch.manual_seed(0)
        model = randomised(getattr(transformers, self.model)(config))
        return model if self.double else model.float()


def randomised(model):
    """Weights that give scores of the order of 1, and biases and norms that are not the identity."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                inward = weight.shape[0] if "Conv1D" in type(owner(model, name)).__name__ \
                    else weight.shape[1]
                weight.normal_(0, 1.3 / inward ** 0.5)
            elif "norm" not in name.lower() and "ln" not in name.lower():
                weight.normal_(0, 0.3)
    return model.double().eval()


def owner(model, name):
    return model.get_submodule(name.rpartition(".")[0])


def tokens():
    torch.manual_seed(3)
    return torch.randint(3, VOCABULARY, (DOCUMENTS, TOKENS))


def by_head(part, heads):
    """observations x features to documents x heads x tokens x width."""
    part = torch.as_tensor(part if torch.is_tensor(part) else np.array(part)).double()
    return part.reshape(DOCUMENTS, -1, heads, part.shape[1] // heads).transpose(1, 2)


def difference(scores):
    """Of two documents' log probabilities or scores, free of biases and of the denominator."""
    apart = scores[0] - scores[1]
    return apart - apart[..., :1]


def assert_probabilities(query, key, probabilities, scale, causal):
    """softmax(scale q.k + what both documents share) is `probabilities`."""
    assert probabilities.shape[1] == query.shape[1]
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    found = difference(scale * query @ key.transpose(-1, -2))
    expected = difference(torch.log(probabilities.double()))
    seen = torch.ones_like(found, dtype=torch.bool)
    seen = seen.tril() if causal else seen
    assert expected[seen].abs().max() > 0.1
    torch.testing.assert_close(found[seen], expected[seen], atol=2e-4, rtol=0)


def assert_context(value, probabilities, context):
    """probabilities x v, head beside head, is what goes into the output projection."""
    value = value.repeat_interleave(probabilities.shape[1] // value.shape[1], dim=1)
    found = (probabilities.double() @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(found, context.reshape(found.shape).double(), atol=2e-5, rtol=0)


class Watch:
    """What goes into a module."""

    def __init__(self, module):
        self.seen = None
        self.handle = module.register_forward_pre_hook(self.see)

    def see(self, module, inputs):
        self.seen = inputs[0].detach().clone()


def run(case, model):
    """The captured layer, its attention's probabilities, and its output projection's input."""
    attention = model.get_submodule(case.attention)
    watch = Watch(model.get_submodule(case.output))
    given = dict(case.given() if case.given else dict(
        input_ids=tokens(), attention_mask=torch.ones(DOCUMENTS, TOKENS, dtype=torch.long)))
    if case.positions and not case.given:
        given["position_ids"] = torch.zeros(DOCUMENTS, TOKENS, dtype=torch.long)
    name = case.layer if case.stack is None else f"{case.stack}.{case.layer}"
    with torch.no_grad(), qkvsim.capturing(model, layers=[name]) as capture:
        outputs = model(**given, output_attentions=True)
    found = getattr(outputs, "attentions", None)
    found = found if found is not None else outputs.vision_attentions
    return capture.layers[name], attention, found[case.layer], watch.seen


def norms_by_head(attention, query, key, value):
    """Queries and keys as the attention's own norms of heads make them."""
    heads = [part.unflatten(1, (-1, attention.head_dim)) for part in (query, key)]
    return attention.q_norm(heads[0]).flatten(1), attention.k_norm(heads[1]).flatten(1), value


def norms_of_all(attention, query, key, value):
    """The same of OLMo 2, whose norms are over all heads."""
    return attention.q_norm(query), attention.k_norm(key), value


CLIP = 0.4


def clipped(attention, *parts):
    """What models with `clip_qkv` do to the projections' own memory."""
    assert all((abs(part) > CLIP).any() for part in parts)
    return [part.clamp(-CLIP, CLIP) for part in parts]


BLOOM = dict(hidden_size=32, n_head=4, n_layer=2, vocab_size=VOCABULARY)
FALCON = dict(SMALL, bias=True)
BIGCODE = dict(n_embd=32, n_head=4, n_layer=2, n_positions=64, vocab_size=VOCABULARY)
BARK = dict(hidden_size=32, num_heads=4, num_layers=2, block_size=64, input_vocab_size=VOCABULARY,
            output_vocab_size=VOCABULARY, bias=True)
VISION = dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_hidden_layers=2,
              image_size=12, patch_size=4)


def pixels():
    torch.manual_seed(5)
    return dict(pixel_values=torch.randn(DOCUMENTS, 3, 12, 12).double())


def bark_tokens():
    return dict(input_ids=tokens(), attention_mask=torch.ones(DOCUMENTS, TOKENS).double())


CASES = {
    "gpt2": Case("GPT2Config", "GPT2Model", BIGCODE, "h.1.attn", "h.1.attn.c_proj"),
    "openai-gpt": Case("OpenAIGPTConfig", "OpenAIGPTModel", BIGCODE, "h.1.attn",
                       "h.1.attn.c_proj"),
    # transformers 4 scales by the whole number in the root of the width: heads of 16 have one.
    "imagegpt": Case("ImageGPTConfig", "ImageGPTModel", dict(BIGCODE, n_embd=64), "h.1.attn",
                     "h.1.attn.c_proj"),
    "bark": Case("BarkSemanticConfig", "BarkSemanticModel", BARK, "layers.1.attn",
                 "layers.1.attn.out_proj", given=bark_tokens),
    "mpt": Case("MptConfig", "MptModel", dict(d_model=32, n_heads=4, n_layers=2, expansion_ratio=2,
                                               max_seq_len=64, vocab_size=VOCABULARY),
                "blocks.1.attn", "blocks.1.attn.out_proj", positions=False, double=False),
    "modernbert": Case("ModernBertConfig", "ModernBertModel",
                       dict(SMALL, reference_compile=False, local_attention=128), "layers.1.attn",
                       "layers.1.attn.Wo"),
    "blip": Case("BlipVisionConfig", "BlipVisionModel", VISION, "encoder.layers.1.self_attn",
                 "encoder.layers.1.self_attn.projection", given=pixels),
    "phi3": Case("Phi3Config", "Phi3Model", GROUPED, "layers.1.self_attn",
                 "layers.1.self_attn.o_proj", heads=(4, 2)),
    "dbrx": Case("DbrxConfig", "DbrxModel",
                 dict(d_model=32, n_heads=4, n_layers=2, max_seq_len=64, vocab_size=VOCABULARY,
                      attn_config=dict(kv_n_heads=2, clip_qkv=CLIP, rope_theta=1e4),
                      ffn_config=dict(ffn_hidden_size=48, moe_num_experts=2, moe_top_k=1)),
                 "blocks.1.norm_attn_norm.attn", "blocks.1.norm_attn_norm.attn.out_proj",
                 heads=(4, 2), between=clipped),
    "gpt_bigcode, multi-query": Case("GPTBigCodeConfig", "GPTBigCodeModel",
                                     dict(BIGCODE, multi_query=True), "h.1.attn",
                                     "h.1.attn.c_proj", heads=(4, 1)),
    "gpt_bigcode, multi-head": Case("GPTBigCodeConfig", "GPTBigCodeModel",
                                    dict(BIGCODE, multi_query=False), "h.1.attn",
                                    "h.1.attn.c_proj"),
    "gpt_neox": Case("GPTNeoXConfig", "GPTNeoXModel", SMALL, "layers.1.attention",
                     "layers.1.attention.dense"),
    "bloom": Case("BloomConfig", "BloomModel", BLOOM, "h.1.self_attention",
                  "h.1.self_attention.dense", positions=False),
    "persimmon": Case("PersimmonConfig", "PersimmonModel", dict(SMALL, qk_layernorm=False),
                      "layers.1.self_attn", "layers.1.self_attn.dense"),
    "falcon-rw": Case("FalconConfig", "FalconModel",
                      dict(FALCON, multi_query=False, alibi=True), "h.1.self_attention",
                      "h.1.self_attention.dense", positions=False),
    "falcon-7b, multi-query": Case("FalconConfig", "FalconModel", dict(FALCON, multi_query=True),
                                   "h.1.self_attention", "h.1.self_attention.dense", heads=(4, 1)),
    "falcon, new decoder": Case("FalconConfig", "FalconModel",
                                dict(FALCON, new_decoder_architecture=True, num_kv_heads=2),
                                "h.1.self_attention", "h.1.self_attention.dense", heads=(4, 2)),
    "codegen": Case("CodeGenConfig", "CodeGenModel", dict(BIGCODE, n_embd=64, rotary_dim=4,
                                                           n_head=8),
                    "h.1.attn", "h.1.attn.out_proj", heads=(8, 8)),
    "llama": Case("LlamaConfig", "LlamaModel", GROUPED, "layers.1.self_attn",
                  "layers.1.self_attn.o_proj", heads=(4, 2)),
    "mistral": Case("MistralConfig", "MistralModel", dict(GROUPED, head_dim=12),
                    "layers.1.self_attn", "layers.1.self_attn.o_proj", heads=(4, 2)),
    "qwen2": Case("Qwen2Config", "Qwen2Model", GROUPED, "layers.1.self_attn",
                  "layers.1.self_attn.o_proj", heads=(4, 2)),
    "qwen3": Case("Qwen3Config", "Qwen3Model", dict(GROUPED, head_dim=12), "layers.1.self_attn",
                  "layers.1.self_attn.o_proj", heads=(4, 2), between=norms_by_head),
    "gemma": Case("GemmaConfig", "GemmaModel", dict(GROUPED, head_dim=12), "layers.1.self_attn",
                  "layers.1.self_attn.o_proj", heads=(4, 2)),
    "gemma3": Case("Gemma3TextConfig", "Gemma3TextModel",
                   dict(GROUPED, head_dim=12, query_pre_attn_scalar=12), "layers.1.self_attn",
                   "layers.1.self_attn.o_proj", heads=(4, 2), between=norms_by_head),
    "olmo": Case("OlmoConfig", "OlmoModel", dict(GROUPED, clip_qkv=CLIP), "layers.1.self_attn",
                 "layers.1.self_attn.o_proj", heads=(4, 2), between=clipped),
    "olmo2": Case("Olmo2Config", "Olmo2Model", GROUPED, "layers.1.self_attn",
                  "layers.1.self_attn.o_proj", heads=(4, 2), between=norms_of_all),
    "smollm3": Case("SmolLM3Config", "SmolLM3Model", GROUPED, "layers.1.self_attn",
                    "layers.1.self_attn.o_proj", heads=(4, 2)),
    "glm": Case("GlmConfig", "GlmModel", dict(GROUPED, head_dim=8), "layers.1.self_attn",
                "layers.1.self_attn.o_proj", heads=(4, 2)),
    "opt": Case("OPTConfig", "OPTModel",
                dict(SMALL, ffn_dim=48, word_embed_proj_dim=32), "decoder.layers.1.self_attn",
                "decoder.layers.1.self_attn.out_proj", positions=False),
    "bert": Case("BertConfig", "BertModel", SMALL, "encoder.layer.1.attention.self",
                 "encoder.layer.1.attention.output.dense"),
    "roberta": Case("RobertaConfig", "RobertaModel", SMALL, "encoder.layer.1.attention.self",
                    "encoder.layer.1.attention.output.dense"),
    "vit": Case("ViTConfig", "ViTModel", VISION, "", "", given=pixels),
    "distilbert": Case("DistilBertConfig", "DistilBertModel",
                       dict(dim=32, n_heads=4, n_layers=2, hidden_dim=48, vocab_size=VOCABULARY),
                       "transformer.layer.1.attention", "transformer.layer.1.attention.out_lin",
                       positions=False),
    "deberta-v2": Case("DebertaV2Config", "DebertaV2Model", dict(SMALL, relative_attention=False),
                       "encoder.layer.1.attention.self", "encoder.layer.1.attention.output.dense",
                       positions=False),
}
CAUSAL = {"gpt2", "openai-gpt", "imagegpt", "bark", "mpt", "phi3", "dbrx", "gpt_neox", "bloom",
          "persimmon", "codegen", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma3",
          "olmo", "olmo2", "smollm3", "glm", "opt", "falcon-rw", "falcon-7b, multi-query",
          "falcon, new decoder", "gpt_bigcode, multi-query", "gpt_bigcode, multi-head"}


@pytest.mark.parametrize("family", CASES)
def test_captured_parts_give_the_models_attention(family):
    case = CASES[family]
    model = case.build()
    if family == "vit":  # its modules have other names in older versions
        case.attention = next(path for path, module in model.named_modules()
                              if ".1." in path and hasattr(module, "scaling"))
        case.output = next(path for path, module in model.named_modules()
                           if ".1." in path and path.endswith(("output.dense", "o_proj"))
                           and "attention" in path)
    layer, attention, probabilities, context = run(case, model)
    assert layer.heads == {"Q": case.heads[0], "K": case.heads[1], "V": case.heads[1]}
    parts = [torch.as_tensor(np.array(layer.parts[name])) for name in "QKV"]
    if case.between is not None:
        with torch.no_grad():
            parts = case.between(attention, *parts)
    query, key, value = (by_head(part, layer.heads[name]) for name, part in zip("QKV", parts))
    scale = query.shape[-1] ** -0.5 if case.scale is None else case.scale
    assert_probabilities(query, key, probabilities, scale, family in CAUSAL)
    assert_context(value, probabilities, context)
