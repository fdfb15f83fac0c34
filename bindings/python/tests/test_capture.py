"""Captures: what is an observation, the attention function's input, files, and refusals."""
import json
import os
import subprocess
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import qkvsim  # noqa: E402
from test_capture_families import (BIGCODE, DOCUMENTS, GROUPED, SMALL, TOKENS, VISION,  # noqa: E402
                                   VOCABULARY, Watch, assert_context, assert_probabilities,
                                   by_head, pixels, randomised, tokens)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
WORDS = ["pad", "start", "end"] + [f"w{i}" for i in range(VOCABULARY - 3)]


def model_of(name, config, options, **more):
    for one in (name, config):
        if not hasattr(transformers, one):
            pytest.skip(f"transformers {transformers.__version__} has no {one}")
    config = getattr(transformers, config)(**options, **more)
    torch.manual_seed(0)
    return randomised(getattr(transformers, name)(config))


class Words:
    """A tokenizer of words that stand apart by spaces."""

    pad_token_id = 0

    def __init__(self, padding_side="right"):
        self.padding_side = padding_side

    def __call__(self, text, verbose=True):
        return {"input_ids": [WORDS.index(word) for word in text.split()]}

    def convert_ids_to_tokens(self, token):
        return "\u2581" + WORDS[token]

    def decode(self, ids, clean_up_tokenization_spaces=True):
        raise AssertionError("the piece has the text already")


OWN_ATTENTION = {"ModernBert", "Bert", "Roberta"} \
    if int(transformers.__version__.split(".")[0]) < 5 else set()
"""Models that this version of transformers gives no AttentionInterface."""


def assert_refused_at_the_attention(model, name):
    with pytest.raises(qkvsim.Unsupported, match=f"{name}Model does not call transformers' "
                       "AttentionInterface"):
        with torch.no_grad(), qkvsim.capturing(model, point="attention"):
            model(tokens())


TEXTS = ["w5 w6 w7 w8 w9", "w9 w4", "w3 w5 w5 w7 w12 w13 w14"]


# --- encoder-decoder, latent, gated and shared projections


def encoder_decoder(name, config, options):
    model = model_of(name, config, options, attn_implementation="eager")
    ids = tokens()
    given = dict(input_ids=ids, decoder_input_ids=ids[:, :4] + 0)
    return model, given


T5 = dict(d_model=32, d_kv=6, d_ff=48, num_layers=2, num_heads=4, vocab_size=VOCABULARY)
BART = dict(d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48,
            vocab_size=VOCABULARY, max_position_embeddings=64)


@pytest.mark.parametrize("name, options, stem, output, scale", [
    ("T5", T5, "{0}.block.1.layer.{1}.{2}", "o", 1.0),
    ("Bart", BART, "{0}.layers.1.{2}", "out_proj", None)])
@pytest.mark.parametrize("layer, place", [
    ("encoder.1", ("encoder", 0, "SelfAttention", "self_attn")),
    ("decoder.1.self", ("decoder", 0, "SelfAttention", "self_attn")),
    ("decoder.1.cross", ("decoder", 1, "EncDecAttention", "encoder_attn"))])
def test_encoder_decoder_names_self_and_cross(name, options, stem, output, scale, layer, place):
    model, given = encoder_decoder(name + "Model", name + "Config", options)
    stack, number, t5, bart = place
    attention = stem.format(stack, number, t5 if name == "T5" else bart)
    watch = Watch(model.get_submodule(f"{attention}.{output}"))
    with torch.no_grad(), qkvsim.capturing(model, layers=layer) as capture:
        out = model(**given, output_attentions=True)
    found = capture.layers[layer]
    assert found.role == ("cross" if "cross" in layer else "self")
    probabilities = {"encoder.1": out.encoder_attentions, "decoder.1.self": out.decoder_attentions,
                     "decoder.1.cross": out.cross_attentions}[layer][1]
    query, key, value = (by_head(found.parts[part], found.heads[part]) for part in "QKV")
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    assert_probabilities(query, key, probabilities, scale, "decoder.1.self" == layer)
    assert_context(value, probabilities, watch.seen)
    source = found.observations["K"]
    decoder = given["decoder_input_ids"].reshape(-1).tolist()
    assert found.token_ids.tolist() == (given["input_ids"].reshape(-1).tolist()
                                        if layer == "encoder.1" else decoder)
    assert source.token_ids.tolist() == (decoder if layer == "decoder.1.self"
                                         else given["input_ids"].reshape(-1).tolist())


def test_encoder_decoder_has_a_name_for_each_stack():
    model, given = encoder_decoder("BartModel", "BartConfig", BART)
    with torch.no_grad(), qkvsim.capturing(model) as capture:
        model(**given)
    assert sorted(capture.layers) == [
        "decoder.0.cross", "decoder.0.self", "decoder.1.cross", "decoder.1.self", "encoder.0",
        "encoder.1"]
    with torch.no_grad(), qkvsim.capturing(model, layers="decoder.1") as capture:
        model(**given)
    assert sorted(capture.layers) == ["decoder.1.cross", "decoder.1.self"]


def test_gpt2_with_cross_attention_has_both():
    model = model_of("GPT2Model", "GPT2Config", dict(BIGCODE, add_cross_attention=True),
                     attn_implementation="eager")
    torch.manual_seed(2)
    source = torch.randn(DOCUMENTS, 5, 32).double()
    watch = Watch(model.h[1].crossattention.c_proj)
    with torch.no_grad(), qkvsim.capturing(model, layers=1) as capture:
        out = model(input_ids=tokens(), encoder_hidden_states=source, output_attentions=True)
    layer = capture.layers["1.cross"]
    query, key, value = (by_head(layer.parts[part], 4) for part in "QKV")
    assert key.shape[2] == 5 and "1.self" in capture.layers
    assert_probabilities(query, key, out.cross_attentions[1], query.shape[-1] ** -0.5, False)
    assert_context(value, out.cross_attentions[1], watch.seen)


LATENT = dict(GROUPED, num_key_value_heads=4, q_lora_rank=12, kv_lora_rank=10, qk_rope_head_dim=4,
              qk_nope_head_dim=6, v_head_dim=5, n_routed_experts=4, num_experts_per_tok=2,
              moe_intermediate_size=16, n_group=1, topk_group=1, first_k_dense_replace=2)


@pytest.mark.parametrize("version", ["V2", "V3"])
@pytest.mark.parametrize("rank", [12, None])
def test_latent_attention_has_keys_of_two_kinds(version, rank):
    model = model_of(f"Deepseek{version}Model", f"Deepseek{version}Config",
                     dict(LATENT, q_lora_rank=rank), attn_implementation="eager")
    watch = Watch(model.layers[1].self_attn.o_proj)
    with torch.no_grad(), qkvsim.capturing(model, layers=1) as capture:
        out = model(input_ids=tokens(), output_attentions=True,
                    attention_mask=torch.ones(DOCUMENTS, TOKENS),
                    position_ids=torch.zeros(DOCUMENTS, TOKENS, dtype=torch.long))
    layer = capture.layers[1]
    assert layer.heads == {"Q": 4, "K": 4, "V": 4, "K_rope": 1}
    query, plain, value = (by_head(layer.parts[part], 4) for part in "QKV")
    rotary = by_head(layer.parts["K_rope"], 1).expand(-1, 4, -1, -1)
    key = torch.cat((plain, rotary), dim=-1)
    probabilities = out.attentions[1]
    assert_probabilities(query, key, probabilities, model.layers[1].self_attn.scaling, True)
    assert_context(value, probabilities, watch.seen)


HYBRID = dict(GROUPED, head_dim=12, mlp_only_layers=[0, 1], num_experts=2, num_experts_per_tok=1,
              moe_intermediate_size=16, shared_expert_intermediate_size=16, linear_num_value_heads=2,
              linear_num_key_heads=2, linear_key_head_dim=8, linear_value_head_dim=8,
              layer_types=["linear_attention", "full_attention"])


@pytest.mark.parametrize("name", ["Qwen3Next", "Qwen3_5Text"])
def test_gates_are_dropped_and_linear_attention_left_out(name):
    model = model_of(name.replace("Text", "") + ("TextModel" if "Text" in name else "Model"),
                     name + "Config", HYBRID, attn_implementation="eager")
    attention = model.layers[1].self_attn
    watch, gates = Watch(attention.o_proj), []
    attention.q_proj.register_forward_hook(lambda m, i, out: gates.append(out.clone()))
    with torch.no_grad(), qkvsim.capturing(model, layers="all") as capture:
        out = model(input_ids=tokens(), output_attentions=True,
                    attention_mask=torch.ones(DOCUMENTS, TOKENS),
                    position_ids=torch.zeros(DOCUMENTS, TOKENS, dtype=torch.long))
    assert list(capture.layers) == [1]
    layer = capture.layers[1]
    query, key, value = (by_head(layer.parts[part], layer.heads[part]) for part in "QKV")
    with torch.no_grad():
        query, key = attention.q_norm(query), attention.k_norm(key)
    probabilities = [one for one in out.attentions if one is not None][-1]
    assert_probabilities(query, key, probabilities, query.shape[-1] ** -0.5, True)
    gate = gates[0].reshape(DOCUMENTS, TOKENS, 4, 2, 12)[..., 1, :].flatten(2)
    assert_context(value, probabilities, watch.seen / torch.sigmoid(gate))


def test_layers_that_share_keys_have_queries_alone():
    options = dict(GROUPED, head_dim=12, num_hidden_layers=4, num_kv_shared_layers=2,
                   layer_types=["sliding_attention", "full_attention"] * 2,
                   intermediate_size=[48] * 4, activation_sparsity_pattern=[0.0] * 4,
                   hidden_size_per_layer_input=4, vocab_size_per_layer_input=VOCABULARY,
                   laurel_rank=4)
    model = model_of("Gemma3nTextModel", "Gemma3nTextConfig", options)
    seen = {}
    model.layers[3].self_attn.q_norm.register_forward_pre_hook(
        lambda module, given: seen.update(query=given[0].clone()))
    with torch.no_grad(), qkvsim.capturing(model) as capture:
        model(input_ids=tokens())
    assert [list(layer.parts) for layer in capture.layers.values()] == [
        list("QKV"), list("QKV"), ["Q"], ["Q"]]
    query = torch.as_tensor(np.array(capture.layers[3].parts["Q"]))
    assert torch.equal(query, seen["query"].reshape(query.shape))


def test_relative_positions_that_share_the_projections_are_no_observations():
    options = dict(SMALL, relative_attention=True, share_att_key=True, pos_att_type=["c2p", "p2c"],
                   max_relative_positions=8, position_buckets=4)
    model = model_of("DebertaV2Model", "DebertaV2Config", options)
    attention = model.encoder.layer[1].attention.self
    seen = []
    attention.query_proj.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    with torch.no_grad(), qkvsim.capturing(model, layers=1) as capture:
        model(input_ids=tokens(), attention_mask=torch.ones(DOCUMENTS, TOKENS))
        assert len(seen) == 2
        expected = attention.query_proj(seen[0]).reshape(-1, 32)
    assert torch.equal(torch.as_tensor(np.array(capture.layers[1].parts["Q"])), expected)


def test_sam_and_its_windows():
    options = dict(hidden_size=32, num_attention_heads=4, num_hidden_layers=2, image_size=32,
                   patch_size=8, output_channels=8, mlp_dim=48, window_size=2, use_rel_pos=False,
                   global_attn_indexes=[1])
    model = model_of("SamVisionModel", "SamVisionConfig", options, attn_implementation="eager")
    watch = Watch(model.vision_encoder.layers[1].attn.proj)
    with torch.no_grad(), qkvsim.capturing(model) as capture:
        out = model(torch.randn(DOCUMENTS, 3, 32, 32).double(), output_attentions=True)
    assert capture.layers[0].segments.tolist() == sorted(list(range(8)) * 4)
    layer = capture.layers[1]
    query, key, value = (by_head(layer.parts[part], 4) for part in "QKV")
    attentions = out.attentions if hasattr(out, "attentions") else out[-1]
    probabilities = attentions[1].reshape(DOCUMENTS, 4, 16, 16)
    assert_probabilities(query, key, probabilities, query.shape[-1] ** -0.5, False)
    assert_context(value, probabilities, watch.seen)


def test_internlm2_by_its_names_alone():
    """Per key head its queries, a key and a value: no model of it is in transformers."""
    class Attention(torch.nn.Module):
        def __init__(self, config):
            super().__init__()
            self.config, self.head_dim = config, 3
            self.wqkv = torch.nn.Linear(12, 8 * 3)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = types.SimpleNamespace(
                model_type="internlm2", num_attention_heads=4, num_key_value_heads=2, vocab_size=9)
            self.layers = torch.nn.ModuleList([Attention(self.config)])

        def forward(self, inputs_embeds):
            return self.layers[0].wqkv(inputs_embeds)

    model = Model()
    with torch.no_grad(), qkvsim.capturing(model) as capture:
        out = model(torch.randn(1, 6, 12))[0]
    parts = capture.layers[0].parts
    assert capture.layers[0].heads == {"Q": 4, "K": 2, "V": 2}
    columns = {"Q": [0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17], "K": [6, 7, 8, 18, 19, 20],
               "V": [9, 10, 11, 21, 22, 23]}
    for name, which in columns.items():
        assert np.array_equal(parts[name], out[:, which].numpy())


# --- the attention function's input


class Spy:
    """transformers' attention function, registered by the test itself."""

    def __init__(self):
        self.seen = []

    def __enter__(self):
        from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
        sdpa = ALL_ATTENTION_FUNCTIONS["sdpa"]

        def attention(module, query, key, value, *args, **kwargs):
            self.seen.append([one.transpose(1, 2).flatten(0, 1).flatten(1).numpy().copy()
                              for one in (query, key, value)])
            return sdpa(module, query, key, value, *args, **kwargs)

        ALL_ATTENTION_FUNCTIONS.register("spy", attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register("spy", ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
        return self

    def __exit__(self, *raised):
        pass


@pytest.mark.parametrize("name, options", [
    ("Llama", GROUPED), ("Qwen3", dict(GROUPED, head_dim=12)), ("GPT2", BIGCODE),
    ("ModernBert", dict(SMALL, reference_compile=False)), ("Bert", SMALL), ("OPT", dict(
        SMALL, ffn_dim=48, word_embed_proj_dim=32)), ("DeepseekV3", LATENT), ("Phi3", GROUPED)])
def test_attention_point_is_what_the_attention_function_gets(name, options):
    model = model_of(name + "Model", name + "Config", options, attn_implementation="sdpa")
    if name in OWN_ATTENTION:
        return assert_refused_at_the_attention(model, name)
    given = dict(input_ids=tokens())
    with torch.no_grad():
        plain = model(**given)[0]
        with qkvsim.capturing(model, layers="all", point="attention") as capture:
            captured = model(**given)[0]
        assert torch.equal(plain, captured)
        assert model.config._attn_implementation == "sdpa"
        with Spy() as spy:
            model.set_attn_implementation("spy")
            model(**given)
    assert len(spy.seen) == 2
    for layer, seen in zip(capture.layers.values(), spy.seen):
        for part, expected in zip("QKV", seen):
            assert np.array_equal(layer.parts[part], expected)


def test_attention_point_hands_on_to_the_eager_function_with_its_mask():
    model = model_of("LlamaModel", "LlamaConfig", GROUPED, attn_implementation="eager")
    mask = torch.ones(DOCUMENTS, TOKENS, dtype=torch.long)
    mask[0, -3:] = 0
    with torch.no_grad():
        plain = model(tokens(), attention_mask=mask)[0]
        with qkvsim.capturing(model, point="attention") as capture:
            captured = model(tokens(), attention_mask=mask)[0]
    assert torch.equal(plain, captured)
    assert capture.layers[0].parts["K"].shape == (2 * TOKENS - 3, 16)


def test_qwen2_vl_vision_tower_puts_out_what_its_attention_gets():
    if not hasattr(transformers, "Qwen2VLConfig"):
        pytest.skip(f"transformers {transformers.__version__} has no Qwen2VLConfig")
    from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLVisionConfig
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel
    config = Qwen2VLVisionConfig(depth=2, embed_dim=32, hidden_size=32, num_heads=4, patch_size=2,
                                 mlp_ratio=2)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = randomised(Qwen2VisionTransformerPretrainedModel(config))
    model.rotary_pos_emb.inv_freq.zero_()  # turns nothing
    patches = torch.randn(16 + 8, 3 * 2 * 2 * 2).double()
    grid = torch.tensor([[1, 4, 4], [1, 2, 4]])
    with torch.no_grad():
        with qkvsim.capturing(model, layers=1) as projected:
            model(patches, grid_thw=grid)
        with qkvsim.capturing(model, layers=1, point="attention") as attended:
            model(patches, grid_thw=grid)
    for part in "QKV":
        one, other = (capture.layers[1].parts[part] for capture in (projected, attended))
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert attended.layers[1].segments.tolist() == [0] * 16 + [1] * 8


def test_attention_point_of_a_model_without_the_interface_is_refused():
    model = model_of("BloomModel", "BloomConfig", dict(hidden_size=32, n_head=4, n_layer=2,
                                                        vocab_size=VOCABULARY))
    with pytest.raises(qkvsim.Unsupported, match="BloomModel does not call transformers' "
                       "AttentionInterface in h.0.self_attention: .*point='projection'"):
        with torch.no_grad(), qkvsim.capturing(model, point="attention"):
            model(tokens())


# --- which rows are observations


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("point", ["projection", "attention"])
@pytest.mark.parametrize("name, options", [("Llama", GROUPED), ("GPT2", BIGCODE), ("Bert", SMALL),
                                           ("Roberta", SMALL)])
def test_a_padded_batch_gives_what_single_texts_give(name, options, point, side):
    model = model_of(name + "Model", name + "Config", options)
    if point == "attention" and name in OWN_ATTENTION:
        return assert_refused_at_the_attention(model, name)
    single = qkvsim.capture(model, Words(), TEXTS, point=point)
    batch = qkvsim.capture(model, Words(side), TEXTS, point=point, batch_size=3)
    turned = point == "attention" and name == "Llama"
    for i in (0, 1):
        one, other = single.layers[i], batch.layers[i]
        assert other.tokens == one.tokens == [" " + w for text in TEXTS for w in text.split()]
        assert other.segments.tolist() == one.segments.tolist() == [0] * 5 + [1] * 2 + [2] * 7
        assert other.positions.tolist() == one.positions.tolist() == [
            *range(5), *range(2), *range(7)]
        for part in "QKV":
            np.testing.assert_allclose(other.parts[part], one.parts[part],
                                       atol=1e-5 if turned else 1e-9)


def test_a_padded_batch_of_an_encoder_decoder_gives_what_single_texts_give():
    model = model_of("T5Model", "T5Config", T5, decoder_start_token_id=0)
    replies = ["w4 w5", "w6 w7 w8", "w9"]
    single = qkvsim.capture(model, Words(), TEXTS, decoder_text=replies)
    batch = qkvsim.capture(model, Words(), TEXTS, decoder_text=replies, batch_size=3)
    cross = single.layers["decoder.1.cross"]
    assert cross.tokens == [" pad", " w4", " w5", " pad", " w6", " w7", " w8", " pad", " w9"]
    assert cross.observations["V"].tokens == [" " + w for text in TEXTS for w in text.split()]
    for name, layer in single.layers.items():
        for part, values in layer.parts.items():
            np.testing.assert_allclose(batch.layers[name].parts[part], values, atol=1e-9)


def test_windows_keep_documents_and_positions():
    model = model_of("LlamaModel", "LlamaConfig", GROUPED)
    capture = qkvsim.capture(model, Words(), TEXTS, layers=1, window=3)
    layer = capture.layers[1]
    assert layer.positions.tolist() == [0, 1, 2, 3, 4, 0, 1, 0, 1, 2, 3, 4, 5, 6]
    assert layer.segments.tolist() == [0] * 5 + [1] * 2 + [2] * 7
    alone = qkvsim.capture(model, Words(), "w8 w9", layers=1).layers[1]
    np.testing.assert_allclose(layer.parts["V"][3:5], alone.parts["V"], atol=1e-12)


def test_generation_goes_on_with_its_documents():
    model = model_of("LlamaForCausalLM", "LlamaConfig", dict(GROUPED, eos_token_id=None))
    mask = torch.ones(DOCUMENTS, TOKENS, dtype=torch.long)
    mask[0, :2] = 0
    for point in ("projection", "attention"):
        with torch.no_grad(), qkvsim.capturing(model, layers=1, point=point) as capture:
            ids = model.generate(tokens(), attention_mask=mask, max_new_tokens=3, do_sample=False)
        layer = capture.layers[1]
        assert layer.segments.tolist() == [0] * 5 + [1] * 7 + [0, 1] * 2
        assert layer.positions.tolist() == [*range(5), *range(7), 5, 7, 6, 8]
        read = torch.cat((tokens()[0, 2:], tokens()[1], ids[:, -3], ids[:, -2]))
        assert layer.token_ids.tolist() == read.tolist()
        with torch.no_grad(), qkvsim.capturing(model, layers=1, point=point) as whole:
            model(ids[1:, :-1])
        second = layer.segments == 1
        for part in "QKV":
            np.testing.assert_allclose(layer.parts[part][second], whole.layers[1].parts[part],
                                       atol=1e-5)


def test_captures_are_copies_and_keep_the_precision():
    model = model_of("LlamaModel", "LlamaConfig", GROUPED)
    model.layers[1].self_attn.q_proj.register_forward_hook(lambda m, i, out: None)
    kept = []
    with torch.no_grad(), qkvsim.capturing(model, layers=1) as capture:
        hook = model.layers[1].self_attn.q_proj.register_forward_hook(
            lambda module, given, out: (kept.append(out.clone()), out.zero_())[1])
        model(tokens())
    hook.remove()
    assert np.array_equal(capture.layers[1].parts["Q"], kept[0].reshape(-1, 32).numpy())
    for dtype, name in ((torch.float16, "float16"), (torch.bfloat16, "bfloat16")):
        with torch.no_grad(), qkvsim.capturing(model.to(dtype), layers=1) as capture:
            model(tokens())
        assert str(capture.layers[1].parts["K"].dtype).endswith(name)


def test_a_capture_leaves_the_model_as_it_was():
    model = model_of("LlamaModel", "LlamaConfig", GROUPED).train()
    model.layers[0].eval()
    for point in ("projection", "attention"):
        with pytest.raises(ZeroDivisionError):
            with qkvsim.capturing(model, point=point):
                raise ZeroDivisionError
        qkvsim.capture(model, Words(), TEXTS[0], point=point)
    assert model.training and not model.layers[0].training
    assert all(not module._forward_hooks and not module._forward_pre_hooks
               for module in model.modules())


# --- tokens, files


def test_tokens_are_found_by_text_and_by_id():
    capture = qkvsim.capture(model_of("LlamaModel", "LlamaConfig", GROUPED), Words(), TEXTS,
                             layers=[0])
    layer = capture.layers[0]
    assert np.flatnonzero(layer.where(" w5")).tolist() == [0, 8, 9]
    assert np.array_equal(layer.where(WORDS.index("w5")), layer.where(" w5"))
    with pytest.raises(qkvsim.InvalidArgument, match="no observation is the token 'W5': the nearest"
                       " are ' w5'"):
        layer.where("W5")


def equal(one, other):
    return str(one.dtype) == str(other.dtype) and bytes(bits(one)) == bytes(bits(other))


def bits(part):
    if isinstance(part, torch.Tensor):
        part = part.view(torch.int16).numpy()
    return np.ascontiguousarray(part).tobytes()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_what_is_saved_is_loaded(tmp_path, dtype):
    model = model_of("T5Model", "T5Config", T5, decoder_start_token_id=0).to(dtype)
    capture = qkvsim.capture(model, Words(), TEXTS)
    capture.save(tmp_path / "x.safetensors")
    loaded = qkvsim.load(tmp_path / "x.safetensors")
    assert list(loaded.layers) == list(capture.layers) and loaded.point == "projection"
    for name, layer in capture.layers.items():
        other = loaded.layers[name]
        assert (other.role, other.heads, other.tokens) == (layer.role, layer.heads, layer.tokens)
        for part in "QKV":
            assert equal(layer.parts[part], other.parts[part])
            was, now = layer.observations[part], other.observations[part]
            assert now.tokens == was.tokens
            assert now.segments.tolist() == was.segments.tolist()
            assert now.positions.tolist() == was.positions.tolist()
            assert now.token_ids.tolist() == was.token_ids.tolist()


def test_saved_captures_are_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    model = model_of("LlamaModel", "LlamaConfig", GROUPED).half()
    capture = qkvsim.capture(model, Words(), TEXTS)
    capture.save(tmp_path / "x.safetensors")
    tensors = safetensors.load_file(tmp_path / "x.safetensors")
    assert np.array_equal(tensors["layers.1.K"], capture.layers[1].parts["K"])


def test_the_program_reads_what_is_saved(tmp_path):
    program = os.environ.get("QKVSIM_PROGRAM", os.path.join(ROOT, "build", "tools", "qkvsim"))
    if not os.path.exists(program):
        pytest.skip(f"{program} is not built")
    model = model_of("LlamaModel", "LlamaConfig", GROUPED).float()
    capture = qkvsim.capture(model, Words(), TEXTS)
    capture.save(tmp_path / "x.safetensors")
    subprocess.run([program, "analyze", str(tmp_path / "x.safetensors"), "--json",
                    str(tmp_path / "x.json")]
                   + [word for part in "QKV" for word in ("--tensor", f"{part}=layers.*.{part}")],
                   check=True, capture_output=True)
    layers = json.loads((tmp_path / "x.json").read_text())["layers"]
    assert [layer["name"] for layer in layers] == ["0", "1"]
    for i, layer in enumerate(layers):
        expected = qkvsim.analyze(capture.layers[i]).statistic("mean", "pearson")
        found = [row["pearson"]["mean"] for row in layer["conditions"][0]["pair_groups"]]
        np.testing.assert_array_equal(found, expected[:6])


def test_a_file_that_is_no_capture_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(qkvsim.InvalidArgument, match="is no capture"):
        qkvsim.load(path)
    path.write_bytes(b"\xff\xff\0\0\0\0\0\0{}")
    with pytest.raises(qkvsim.InvalidArgument, match="is no .safetensors file"):
        qkvsim.load(path)


# --- refusals


@pytest.mark.parametrize("name, options, why", [
    ("SqueezeBert", dict(SMALL, embedding_size=32), "convolutions in groups"),
    ("XLNet", dict(d_model=32, n_layer=2, n_head=4, d_inner=48, vocab_size=VOCABULARY),
     "raw parameters"),
    ("JetMoe", dict(GROUPED, kv_channels=8, num_local_experts=2, num_experts_per_tok=1),
     "queries come from experts"),
    ("Albert", dict(SMALL, embedding_size=16), "one set of projections serves every layer")])
def test_models_without_projections_to_look_at_are_refused_with_the_reason(name, options, why):
    model = model_of(name + "Model", name + "Config", options)
    with pytest.raises(qkvsim.InvalidArgument, match=why):
        with qkvsim.capturing(model):
            pass


class Unknown(torch.nn.Module):
    """A fused projection of a model type that is in no table."""

    def __init__(self, name, model_type="unknown", features=96):
        super().__init__()
        self.config = types.SimpleNamespace(model_type=model_type, num_attention_heads=4,
                                            hidden_size=32, vocab_size=9)
        self.h = torch.nn.ModuleList([torch.nn.Module(), torch.nn.Module()])
        for layer in self.h:
            layer.attn = torch.nn.Module()
            layer.attn.add_module(name, torch.nn.Linear(32, features))

    def forward(self, inputs_embeds):
        for layer in self.h:
            next(layer.attn.children())(inputs_embeds)


@pytest.mark.parametrize("name", ["W_pack", "query_key_value"])
def test_unknown_models_are_refused_with_the_modules_that_were_seen(name):
    with pytest.raises(qkvsim.InvalidArgument, match=rf"h\.[0*]\.attn\.{name}.*register"):
        with qkvsim.capturing(Unknown(name)):
            pass


def test_raw_parameters_are_refused_by_name():
    layer = torch.nn.TransformerEncoderLayer(32, 4)
    with pytest.raises(qkvsim.InvalidArgument, match=r"raw parameters \(self_attn.in_proj_weight\)"):
        with qkvsim.capturing(layer):
            pass


def test_widths_that_do_not_fit_the_heads_are_refused():
    with pytest.raises(qkvsim.InvalidArgument, match="puts out c_attn 90 features, but 4 heads"):
        with qkvsim.capturing(Unknown("c_attn", "gpt2", 90)):
            pass


def test_gates_of_an_unknown_model_are_not_taken_for_queries():
    model = Unknown("q_proj", features=64)
    for layer in model.h:
        layer.attn.k_proj, layer.attn.v_proj = torch.nn.Linear(32, 32), torch.nn.Linear(32, 32)
    with pytest.raises(qkvsim.InvalidArgument, match="puts out q_proj 64, k_proj 32, v_proj 32"):
        with qkvsim.capturing(model):
            pass


def test_a_registered_family_is_captured():
    family = qkvsim.capture.register("Baichuan", "W_pack", "blocked", model_types="baichuan")
    model = Unknown("W_pack", "baichuan")
    try:
        with qkvsim.capturing(model, layers=1) as capture:
            model(torch.randn(1, 5, 32))
    finally:
        from qkvsim import _capture_families
        _capture_families._FAMILIES.remove(family)
    assert capture.layers[1].parts["V"].shape == (5, 32)


def test_calls_that_capture_nothing_say_so():
    model = model_of("LlamaModel", "LlamaConfig", GROUPED)
    with pytest.raises(qkvsim.Error, match="no forward pass was seen"):
        with qkvsim.capturing(model):
            pass
    with pytest.raises(qkvsim.InvalidArgument, match="no layer 7: the model has 0, 1"):
        qkvsim.capture(model, Words(), TEXTS, layers=7)
    with pytest.raises(qkvsim.InvalidArgument, match="point is 'keys'"):
        qkvsim.capture(model, Words(), TEXTS, point="keys")
    with pytest.raises(qkvsim.InvalidArgument, match="has 65 tokens .* window=64"):
        qkvsim.capture(model, Words(), "w3 " * 65)


def test_a_mask_of_four_dimensions_is_refused():
    model = model_of("LlamaModel", "LlamaConfig", GROUPED)
    with pytest.raises(qkvsim.InvalidArgument, match="attention_mask has 4 dimensions"):
        with qkvsim.capturing(model):
            model(tokens(), attention_mask=torch.zeros(DOCUMENTS, 1, TOKENS, TOKENS))


def test_patches_are_observations_without_text():
    model = model_of("ViTModel", "ViTConfig", VISION)
    with torch.no_grad(), qkvsim.capturing(model) as capture:
        model(**pixels())
        model(**pixels())
    layer = capture.layers[1]
    assert layer.tokens is None and layer.token_ids is None
    assert layer.segments.tolist() == sorted(list(range(4)) * 10)
