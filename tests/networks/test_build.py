"""Architectures and their plain descriptions."""

import json

import pytest
import torch
from torch import nn

from skdeepcluster.networks import (
    MLP,
    AutoencoderHeadModel,
    AutoencoderModel,
    BeliefDecoder,
    BeliefEncoder,
    BernoulliLikelihood,
    CentroidModel,
    ClusterHeads,
    ExpectingDecoder,
    GaussianLikelihood,
    HeadModel,
    ImageLayout,
    LandmarkEncoder,
    LinearPath,
    MixtureModel,
    ProjectionModel,
    PrototypeHeads,
    SoftKMeansModel,
    SpacesModel,
    SumOfEncoders,
    UnitRows,
    UserNetwork,
    build,
    with_log_variance,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def mlp(*sizes):
    return MLP(sizes, seeded())


# -- MLP ---------------------------------------------------------------------------


def test_mlp__linear_layers_with_relu_between():
    kinds = [type(layer) for layer in mlp(7, 5, 3, 2)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert mlp(7, 5, 3, 2)(torch.ones(4, 7)).shape == (4, 2)
    assert [type(layer) for layer in mlp(7, 2)] == [nn.Linear]


def test_mlp__weights_lie_within_one_over_the_root_of_the_inputs():
    network = mlp(400, 300, 100)
    for layer, n_in in ((network[0], 400), (network[2], 300)):
        bound = n_in**-0.5
        assert layer.weight.abs().max() <= bound
        assert layer.weight.abs().max() > 0.99 * bound
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert torch.all(layer.bias == 0)


def test_mlp__depends_on_its_generator_only():
    before = torch.get_rng_state()
    first, second, other = mlp(9, 4), mlp(9, 4), MLP([9, 4], seeded(1))
    MLP([9, 4])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first[0].weight, second[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_linear_path__is_all_there_is_at_the_start():
    linear = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, -1.0]])
    network = LinearPath(mlp(3, 8, 2), 3, 2, linear)
    x = torch.rand(5, 3, generator=seeded())
    assert torch.equal(network(x), x @ linear.T)
    with torch.no_grad():
        network.network[-1].bias.fill_(3.0)
    assert torch.equal(network(x), x @ linear.T + 3.0)
    assert all(p.requires_grad for p in network.parameters())


# -- models of users ---------------------------------------------------------------


def test_user_network__gives_flat_rows():
    network = UserNetwork(nn.Unflatten(1, (2, 3)))
    assert network(torch.ones(4, 6)).shape == (4, 6)
    assert network.draws_globally
    assert network.layout is None


def test_user_network__with_a_layout__keeps_it():
    layout = ImageLayout(2, 3, 1, last=True)
    network = UserNetwork(nn.Flatten(), layout)
    assert build(network.config).layout == layout
    assert network(torch.arange(6.0)[None]).tolist() == [[0.0, 2.0, 4.0, 1.0, 3.0, 5.0]]


# -- build -------------------------------------------------------------------------


METHODS = {
    MLP: ["forward"],
    LinearPath: ["forward"],
    AutoencoderModel: ["embed", "reconstruct"],
    CentroidModel: ["embed", "assign", "distances"],
    SoftKMeansModel: ["embed", "assign", "distances"],
    MixtureModel: ["embed", "assign", "distances"],
    UnitRows: ["forward"],
    ProjectionModel: ["embed", "project"],
    ClusterHeads: ["forward"],
    PrototypeHeads: ["features", "forward"],
    HeadModel: ["embed", "assign", "log_assign", "assign_all", "label"],
    SpacesModel: ["embed", "assign", "log_assign", "label"],
    AutoencoderHeadModel: ["embed", "assign", "log_assign", "label"],
    LandmarkEncoder: ["forward"],
    SumOfEncoders: ["forward"],
    ExpectingDecoder: ["forward"],
    BeliefEncoder: ["forward"],
    BeliefDecoder: ["forward"],
    UserNetwork: ["forward"],
}


def mixture(pair, likelihood):
    encoder = with_log_variance(pair.encoder, torch.tensor([-1.0, 2.0]))
    return MixtureModel(encoder, pair.decoder, likelihood, 4, 2)


def soft_kmeans(pair, centers):
    model = SoftKMeansModel(pair.encoder, centers, pair.decoder)
    model.scale.fill_(3.0)
    return model


def heads(n_inputs, n_hidden=0):
    return ClusterHeads(n_inputs, 4, 3, n_hidden, seeded())


def landmark_encoder(encoder):
    """Of points in the plane."""
    made = LandmarkEncoder(encoder, 5, 2, 3, 2)
    made.landmarks.copy_(torch.rand(5, 2, generator=seeded()))
    made.points.copy_(torch.rand(5, 3, generator=seeded()))
    return made


def models():
    pair = AutoencoderModel(mlp(6, 5, 2), mlp(2, 5, 6))
    of_user = AutoencoderModel(
        UserNetwork(nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2))),
        UserNetwork(nn.Linear(2, 6)),
    )
    of_images = UserNetwork(
        nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)), (2, 3, 1, True)
    )
    centers = torch.rand(4, 2, generator=seeded())
    return {
        "MLP": mlp(6, 5, 2),
        "LinearPath": LinearPath(mlp(6, 5, 2), 6, 2, torch.ones(2, 6)),
        "AutoencoderModel": pair,
        "AutoencoderModel of a user": of_user,
        "CentroidModel": CentroidModel(pair.encoder, centers, alpha=3.0),
        "CentroidModel with decoder": CentroidModel(
            pair.encoder, centers, decoder=pair.decoder
        ),
        "CentroidModel of a user": CentroidModel(of_user.encoder, centers),
        "SoftKMeansModel": soft_kmeans(pair, centers),
        "MixtureModel": mixture(pair, BernoulliLikelihood(6)),
        "MixtureModel of a user": mixture(of_user, GaussianLikelihood()),
        "UnitRows": UnitRows(),
        "UnitRows of an encoder": UnitRows(pair.encoder),
        "ProjectionModel": ProjectionModel(pair.encoder, mlp(2, 3)),
        "ProjectionModel of a user": ProjectionModel(of_images, mlp(9, 3)),
        "ClusterHeads": heads(6),
        "ClusterHeads with a hidden layer": heads(6, 5),
        "PrototypeHeads": PrototypeHeads(6, 4, 3, 5, 2, 0.1, seeded()),
        "PrototypeHeads with normalised batches": PrototypeHeads(
            6, 4, 3, 0, 2, 0.1, seeded(), batch_norm=True
        ),
        "HeadModel": HeadModel(pair.encoder, heads(2)),
        "HeadModel on rows of length one": HeadModel(UnitRows(), heads(6, 5)),
        "HeadModel on an encoder of length one": HeadModel(
            UnitRows(pair.encoder), heads(2, 5)
        ),
        "HeadModel of a user": HeadModel(UnitRows(of_images), heads(9, 5)),
        "SpacesModel": SpacesModel.on(
            torch.tensor([[0, 1, 5], [2, 6, 6]]), 6, 4, seeded()
        ),
        "AutoencoderHeadModel": AutoencoderHeadModel(
            pair.encoder, pair.decoder, heads(2)
        ),
        "ExpectingDecoder": ExpectingDecoder(mlp(6, 5, 6), BernoulliLikelihood(6)),
        "BeliefEncoder": BeliefEncoder([6, 5, 2], seeded()),
        "BeliefDecoder": BeliefDecoder([6, 5, 2], False, seeded()),
        "BeliefDecoder of shares": BeliefDecoder([6, 5, 2], True, seeded()),
        "LandmarkEncoder": landmark_encoder(pair.encoder),
        "SumOfEncoders": SumOfEncoders(
            one=landmark_encoder(pair.encoder), other=mlp(6, 3)
        ),
        "SumOfEncoders of a user": SumOfEncoders(
            one=landmark_encoder(of_user.encoder), other=mlp(6, 3)
        ),
        "UserNetwork of a user": of_images,
    }


@pytest.mark.parametrize("name", models())
def test_build__makes_the_same_architecture(name):
    model = models()[name].eval()
    rebuilt = build(model.config)
    rebuilt.load_state_dict(model.state_dict())
    rebuilt.eval()
    assert type(rebuilt) is type(model)
    assert rebuilt.config == model.config
    x = torch.rand(3, 6, generator=seeded())
    for method in METHODS[type(model)]:
        assert torch.equal(getattr(rebuilt, method)(x), getattr(model, method)(x))


@pytest.mark.parametrize("name", [name for name in models() if "user" not in name])
def test_config__is_plain(name):
    config = models()[name].config
    assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize("name", [name for name in models() if "user" not in name])
def test_build__does_not_touch_the_global_generator(name):
    config, before = models()[name].config, torch.get_rng_state()
    build(config)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", [name for name in models() if "user" not in name])
def test_build__takes_no_memory_where_torch_is_told_so(name):
    config = models()[name].config
    with torch.device("meta"):
        tensors = build(config).state_dict().values()
    assert all(tensor.is_meta for tensor in tensors)
