"""What stands on an encoder: rows of length one, projections, heads of clusters."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skdeepcluster.networks import (
    MLP,
    ClusterHeads,
    ConvolutionalNetwork,
    HeadModel,
    ImageLayout,
    ProjectionModel,
    PrototypeHeads,
    UnitRows,
    UserNetwork,
    build,
)

each_width = pytest.mark.parametrize("n_hidden", [0, 7])
each_mode = pytest.mark.parametrize("training", [True, False])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=9, d=5, seed=1):
    return torch.randn(n, d, generator=seeded(seed))


def make_heads(n_hidden=0, n_heads=3, n_clusters=4, n_inputs=5):
    """Heads that have seen rows: their batch statistics are not those of the start."""
    heads = ClusterHeads(n_inputs, n_clusters, n_heads, n_hidden, seeded())
    with torch.no_grad():
        for parameter in heads.parameters():  # biases start at zero
            parameter += 0.1 * torch.randn(parameter.shape, generator=seeded(2))
    for seed in range(3):
        heads(2 + rows(d=n_inputs, seed=seed))
    return heads


def make_model(n_hidden=0, encoder=None, **sizes):
    encoder = MLP([6, 5], seeded()) if encoder is None else encoder
    return HeadModel(encoder, make_heads(n_hidden, **sizes)).eval()


# -- rows of length one ------------------------------------------------------------


def test_unit_rows__have_length_one_and_their_direction():
    x = 50 * rows()
    expected = x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True)
    np.testing.assert_allclose(UnitRows()(x), expected, rtol=1e-5)
    encoder = MLP([5, 3], seeded())
    assert torch.equal(UnitRows(encoder)(x), F.normalize(encoder(x), dim=1))
    assert torch.all(UnitRows()(torch.zeros(2, 5)) == 0)


def test_projection_model__parts_are_of_length_one_and_one_behind_the_other():
    encoder, projector = MLP([6, 5], seeded()), MLP([5, 4, 3], seeded(1))
    model = ProjectionModel(encoder, projector)
    x = rows(d=6)
    assert torch.equal(model.embed(x), F.normalize(encoder(x), dim=1))
    # The projection is given what the encoder gives, not what has length one.
    assert torch.equal(model.project(x), F.normalize(projector(encoder(x)), dim=1))


# -- heads -------------------------------------------------------------------------


@each_mode
def test_linear_heads__together_equal_each_alone(training):
    heads, z = make_heads().train(training), rows()
    assert heads(z).shape == (3, 9, 4)
    for head in range(3):
        alone = z @ heads.weight[head] + heads.bias[head, 0]
        torch.testing.assert_close(heads(z)[head], alone)


@each_mode
def test_heads_with_a_hidden_layer__together_equal_each_alone(training):
    heads, z = make_heads(n_hidden=7), rows()
    linear, norm = heads.hidden[0], heads.hidden[1]
    parts = linear.weight, linear.bias, norm.weight, norm.bias
    statistics = norm.running_mean.clone(), norm.running_var.clone()
    result = heads.train(training)(z)
    assert result.shape == (3, 9, 4)
    for head in range(3):
        own = slice(7 * head, 7 * head + 7)
        weight, bias, gain, shift = (part[own] for part in parts)
        mean, variance = (value[own].clone() for value in statistics)
        hidden = F.batch_norm(
            F.linear(z, weight, bias), mean, variance, gain, shift, training
        ).relu()
        alone = hidden @ heads.weight[head] + heads.bias[head, 0]
        torch.testing.assert_close(result[head], alone)


@each_width
def test_heads__gradients_of_one_do_not_reach_another(n_hidden):
    heads = make_heads(n_hidden)
    heads(rows())[1].square().sum().backward()
    reached = heads.weight.grad.flatten(1).abs().sum(dim=1) > 0
    assert reached.tolist() == [False, True, False]
    if n_hidden:
        of_hidden = heads.hidden[0].weight.grad.abs().sum(dim=1).view(3, n_hidden)
        assert (of_hidden.sum(dim=1) > 0).tolist() == [False, True, False]


@each_width
def test_heads__start_within_one_over_the_root_of_their_inputs(n_hidden):
    heads = ClusterHeads(100, 50, 4, n_hidden and 400, seeded())
    last = (n_hidden and 400) or 100
    assert 0.95 * last**-0.5 < heads.weight.abs().max() <= last**-0.5
    assert torch.all(heads.bias == 0)
    assert not torch.equal(heads.weight[0], heads.weight[1])
    if n_hidden:
        hidden = heads.hidden[0].weight
        assert 0.95 / 10 < hidden.abs().max() <= 1 / 10


@each_width
def test_heads__depend_on_their_generator_only(n_hidden):
    before = torch.get_rng_state()
    first, second, other = (
        ClusterHeads(5, 4, 3, n_hidden, seeded(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, other.weight)


@each_mode
@each_width
@pytest.mark.parametrize(
    ("kept_heads", "kept_clusters"),
    [([1], [0, 1, 2, 3]), ([0, 1, 2], [3, 1]), ([2, 0], [2])],
)
def test_keep__leaves_exactly_these_outputs(
    n_hidden, training, kept_heads, kept_clusters
):
    heads, z = make_heads(n_hidden), rows()
    expected = copy.deepcopy(heads).train(training)(z)[kept_heads][:, :, kept_clusters]
    heads.train(training).keep(torch.tensor(kept_heads), torch.tensor(kept_clusters))
    torch.testing.assert_close(heads(z), expected)
    assert heads.n_heads == len(kept_heads)
    assert heads.n_clusters == len(kept_clusters)
    rebuilt = build(heads.config).train(training)
    rebuilt.load_state_dict(heads.state_dict())
    torch.testing.assert_close(rebuilt(z), expected)


@each_width
def test_keep__what_is_left_can_be_trained(n_hidden):
    heads = make_heads(n_hidden).train()
    heads.keep(torch.tensor([2]), torch.tensor([0, 3]))
    before = {name: value.clone() for name, value in heads.named_parameters()}
    optimizer = torch.optim.SGD(heads.parameters(), lr=0.1)
    heads(rows()).square().sum().backward()
    optimizer.step()
    for name, value in heads.named_parameters():
        # What a shift of all rows does is undone by batch normalisation.
        if name != "hidden.0.bias":
            assert not torch.equal(value, before[name]), name


# -- heads with prototypes ---------------------------------------------------------


each_norm = pytest.mark.parametrize("batch_norm", [False, True])


def make_prototypes(n_hidden=7, batch_norm=False):
    heads = PrototypeHeads(5, 4, 3, n_hidden, 6, 0.1, seeded(), batch_norm)
    heads.layers = make_heads(n_hidden, n_clusters=6)
    with torch.no_grad():
        heads.weight *= 3  # the length of a prototype says nothing
        if batch_norm:
            for parameter in heads.norm.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=seeded(3))
    for seed in range(3):
        heads(2 + rows(seed=seed))
    return heads


@each_mode
@each_norm
@each_width
def test_prototypes__logits_are_cosines_over_the_temperature(
    n_hidden, batch_norm, training
):
    heads, z = make_prototypes(n_hidden, batch_norm).train(training), rows()
    before = copy.deepcopy(heads)
    layers = before.layers(z)  # (n_heads, n, n_outputs)
    if batch_norm:
        columns = [
            before.norm(layers.transpose(0, 1).reshape(9, 18))[:, c::6]
            for c in range(6)
        ]
        layers = torch.stack(columns, dim=2).transpose(0, 1)
    expected = layers.detach().double().numpy()
    expected /= np.linalg.norm(expected, axis=2, keepdims=True)
    features = copy.deepcopy(heads).features(z).detach()
    assert features.shape == (3, 9, heads.n_outputs) == (3, 9, 6)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-6)
    prototypes = heads.weight.detach().double().numpy()
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    logits = heads(z).detach()
    assert logits.shape == (3, 9, 4)
    np.testing.assert_allclose(logits, expected @ prototypes / 0.1, atol=1e-4)


def test_prototypes__normalised_batches_point_everywhere():
    z = 5 + rows(200)  # all in one direction
    shares = []
    for batch_norm in (False, True):
        heads = PrototypeHeads(5, 4, 3, 7, 6, 0.1, seeded(), batch_norm)
        shares.append(heads.features(z).mean(dim=1).norm(dim=1).max())
    assert shares[1] < 0.2 < shares[0]


def test_prototypes__start_with_length_one_and_depend_on_their_generator_only():
    before = torch.get_rng_state()
    first, second, other = (
        PrototypeHeads(5, 4, 3, 7, 6, 0.1, seeded(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(first.weight.norm(dim=1), torch.ones(3, 4))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert not torch.equal(first.weight, other.weight)
    assert not torch.equal(first.weight[0], first.weight[1])


def test_prototypes__gradients_of_one_head_do_not_reach_another():
    heads = make_prototypes()
    heads(rows())[1].square().sum().backward()
    for weight in (heads.weight, heads.layers.weight):
        reached = weight.grad.flatten(1).abs().sum(dim=1) > 0
        assert reached.tolist() == [False, True, False]


@each_width
def test_prototypes__under_autocast_cosines_stay_exact(n_hidden):
    heads, z = make_prototypes(n_hidden).eval(), rows()
    with torch.autocast("cpu", torch.bfloat16):
        features, logits = heads.features(z), heads(z)
    assert features.dtype == logits.dtype == torch.float32
    expected = features @ F.normalize(heads.weight, dim=1) / 0.1
    torch.testing.assert_close(logits, expected)


@each_mode
@each_norm
@each_width
@pytest.mark.parametrize(
    ("kept_heads", "kept_clusters"),
    [([1], [0, 1, 2, 3]), ([0, 1, 2], [3, 1]), ([2, 0], [2])],
)
def test_prototypes__keep_leaves_exactly_these_outputs(
    n_hidden, batch_norm, training, kept_heads, kept_clusters
):
    heads, z = make_prototypes(n_hidden, batch_norm), rows()
    expected = copy.deepcopy(heads).train(training)(z)[kept_heads][:, :, kept_clusters]
    heads.train(training).keep(torch.tensor(kept_heads), torch.tensor(kept_clusters))
    torch.testing.assert_close(heads(z), expected)
    assert (heads.n_heads, heads.n_clusters) == (len(kept_heads), len(kept_clusters))
    rebuilt = build(heads.config).train(training)
    rebuilt.load_state_dict(heads.state_dict())
    torch.testing.assert_close(rebuilt(z), expected)


def test_prototypes__in_a_model_speak_like_other_heads():
    model, x = HeadModel(UnitRows(), make_prototypes()).eval(), rows()
    expected = model.assign_all(x)[:, 2]
    model.choose(2)
    torch.testing.assert_close(model.assign(x), expected)
    z = model.embed(x)
    torch.testing.assert_close(z, model.heads.features(UnitRows()(x))[0])
    model.keep(torch.tensor([0, 3]))
    assert model.n_clusters == model.assign(x).shape[1] == 2
    rebuilt = build(model.config).eval()
    rebuilt.load_state_dict(model.state_dict())
    torch.testing.assert_close(rebuilt.embed(x), z)


# -- models with heads -------------------------------------------------------------


@each_width
def test_head_model__assignments_and_labels_agree(n_hidden):
    model, x = make_model(n_hidden), rows(d=6)
    logits = model.logits(x).detach().double().numpy()
    of_all = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    result = model.assign_all(x).detach()
    assert result.shape == (9, 3, 4)
    np.testing.assert_allclose(result, of_all.transpose(1, 0, 2), rtol=1e-5)
    # The first head speaks.
    np.testing.assert_allclose(model.assign(x).detach(), of_all[0], rtol=1e-5)
    log_q = model.log_assign(x).detach()
    np.testing.assert_allclose(log_q, np.log(of_all[0]), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(model.label(x), of_all[0].argmax(axis=1))
    assert model.label(x).dtype == torch.int64
    assert np.any(of_all[1].argmax(axis=1) != of_all[0].argmax(axis=1))


def test_log_assign__is_finite_where_assignments_are_not():
    model = make_model()
    with torch.no_grad():
        model.heads.weight.mul_(1e4)
    x = rows(d=6)
    assert torch.any(model.assign(x) == 0)
    assert torch.all(model.log_assign(x).isfinite())


def test_embed__is_what_the_encoder_gives():
    encoder = MLP([6, 5], seeded())
    for n_hidden in (0, 7):
        model, x = make_model(n_hidden, encoder), rows(d=6)
        assert torch.equal(model.embed(x), encoder(x))


@pytest.mark.parametrize("inner", [None, MLP([5, 5], seeded())], ids=["rows", "MLP"])
def test_embed__of_rows_of_length_one_is_the_hidden_layer_of_the_first_head(inner):
    model, x = make_model(7, UnitRows(inner)), rows()
    z = model.embed(x)
    assert z.shape == (9, 7)
    units = F.normalize(x if inner is None else inner(x), dim=1)
    torch.testing.assert_close(z, model.heads.hidden(units)[:, :7])
    # The last layer is linear in it.
    torch.testing.assert_close(
        z @ model.heads.weight[0] + model.heads.bias[0], model.logits(x)[0]
    )


@each_width
@pytest.mark.parametrize("head", [0, 2])
def test_choose__makes_one_head_speak(n_hidden, head):
    model, x = make_model(n_hidden), rows(d=6)
    expected = model.assign_all(x)[:, head]
    model.choose(head)
    torch.testing.assert_close(model.assign(x), expected)
    assert model.heads.n_heads == 1
    assert model.n_clusters == 4


def test_keep__of_a_model_drops_clusters_of_all_heads():
    model, x = make_model(), rows(d=6)
    expected = model.logits(x)[:, :, [0, 3]]
    model.keep(torch.tensor([0, 3]))
    torch.testing.assert_close(model.logits(x), expected)
    assert model.n_clusters == 2
    assert model.heads.n_heads == 3


def normalised_encoder():
    return UserNetwork(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)))


def test_train__an_encoder_without_gradients_stays_as_in_evaluation():
    model = make_model(7, normalised_encoder().requires_grad_(False))
    norm, of_heads = model.encoder.module[1], model.heads.hidden[1]
    before = [part.running_mean.clone() for part in (norm, of_heads)]
    assert model.train() is model
    assert not norm.training
    assert of_heads.training
    model.logits(3 + rows(d=6))
    assert torch.equal(norm.running_mean, before[0])
    assert not torch.equal(of_heads.running_mean, before[1])


def test_train__an_encoder_with_gradients_is_trained():
    model = make_model(7, normalised_encoder())
    assert model.train().encoder.module[1].training
    assert not model.eval().encoder.module[1].training


def test_head_model__on_a_network_of_images():
    layout = ImageLayout(1, 4, 4)
    encoder = ConvolutionalNetwork(layout, seeded(), widths=(4, 5))
    model = make_model(5, encoder)
    assert model.embed(rows(d=16)).shape == (9, 5)
    assert model.assign(rows(d=16)).shape == (9, 4)
