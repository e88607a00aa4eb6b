"""Kullback-Leibler divergences KL(p || q) = E[log p(x) - log q(x)] for x from p."""

import math
import warnings

import izvod
import izvod.nn.functional as F
from izvod.distributions.bernoulli import Bernoulli
from izvod.distributions.beta import Beta
from izvod.distributions.categorical import Categorical
from izvod.distributions.dirichlet import Dirichlet
from izvod.distributions.distribution import Distribution
from izvod.distributions.exponential import Exponential
from izvod.distributions.gamma import Gamma
from izvod.distributions.laplace import Laplace
from izvod.distributions.normal import Normal
from izvod.distributions.poisson import Poisson
from izvod.distributions.transformed_distribution import TransformedDistribution
from izvod.distributions.uniform import Uniform

__all__ = ["kl_divergence", "register_kl"]

_registry = {}  # (type of p, type of q) -> function of p and q


def register_kl(type_p, type_q):
    """Decorator: the function of (p, q) gives the divergence for these classes, and for subclasses
    that have none of their own. TypeError if one is no class of distributions.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorator(function):
        _registry[type_p, type_q] = function
        return function

    return decorator


def _function_for(p, q):
    """The registered function closest to the classes of p and q; p's closeness counts first."""
    found = [
        (type(p).__mro__.index(a), type(q).__mro__.index(b), f)
        for (a, b), f in _registry.items()
        if isinstance(p, a) and isinstance(q, b)
    ]
    if not found:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}"
        )
    by_p = min(found, key=lambda row: row[:2])[2]
    by_q = min(found, key=lambda row: (row[1], row[0]))[2]
    if by_p is not by_q:
        warnings.warn(
            f"Ambiguous kl_divergence({type(p).__name__}, {type(q).__name__}): register the pair",
            RuntimeWarning,
            stacklevel=3,
        )
    return by_p


def kl_divergence(p, q):
    """KL(p || q), of the batches' common shape; infinite where p reaches where q cannot.

    NotImplementedError if no function is registered for the two classes.
    """
    return _function_for(p, q)(p, q)


def _or_infinite(impossible, divergence):
    return izvod.where(impossible, izvod.inf, divergence)


# ---- Of the same kind


def _softplus(x):
    return F.binary_cross_entropy_with_logits(x, izvod.zeros_like(x), reduction="none")


@register_kl(Bernoulli, Bernoulli)
def _(p, q):
    def outcome(share, other, sign):
        gain = share * (_softplus(-sign * q.logits) - _softplus(-sign * p.logits))
        return izvod.where(share == 0, 0.0, _or_infinite(other == 0, gain))

    return outcome(p.probs, q.probs, 1) + outcome(1 - p.probs, 1 - q.probs, -1)


@register_kl(Categorical, Categorical)
def _(p, q):
    gain = _or_infinite(q.probs == 0, p.probs * (p.logits - q.logits))
    return izvod.where(p.probs == 0, 0.0, gain).sum(-1)


@register_kl(Dirichlet, Dirichlet)
def _(p, q):
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    logs = a.digamma() - total.digamma().unsqueeze(-1)
    norms = total.lgamma() - b.sum(-1).lgamma() + (b.lgamma() - a.lgamma()).sum(-1)
    return norms + ((a - b) * logs).sum(-1)


@register_kl(Beta, Beta)
def _(p, q):
    return kl_divergence(p._dirichlet, q._dirichlet)


@register_kl(Exponential, Exponential)
def _(p, q):
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _(p, q):
    a, b = p.concentration, q.concentration
    norms = b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
    return norms + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Laplace, Laplace)
def _(p, q):
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return distance / q.scale + ratio * (-distance / p.scale).exp() - ratio.log() - 1


@register_kl(Normal, Normal)
def _(p, q):
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(Poisson, Poisson)
def _(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _(p, q):
    outside = (q.low > p.low) | (q.high < p.high)
    return _or_infinite(outside, ((q.high - q.low) / (p.high - p.low)).log())


@register_kl(TransformedDistribution, TransformedDistribution)
def _(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL(p || q) of distributions with different transforms")
    return kl_divergence(p.base_dist, q.base_dist)


# ---- Of different kinds: -E[log q(x)] - entropy, by the moments of p that log q asks for


def _mean_log(p):
    """E[log x]"""
    if isinstance(p, Beta):
        a = p.concentration1
        return a.digamma() - (a + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -0.5772156649015329 - p.rate.log()
    return _mean_log_between(p.low, p.high)


def _mean_log_between(low, high):
    return (high.xlogy(high) - low.xlogy(low)) / (high - low) - 1


def _against_normal(p, q):
    square = p.variance + (p.mean - q.loc) ** 2
    norm = 0.5 * math.log(2 * math.pi) + q.scale.log()
    return norm + square / (2 * q.scale**2) - p.entropy()


def _against_exponential(p, q):
    return q.rate * p.mean - q.rate.log() - p.entropy()


def _against_gamma(p, q):
    a = q.concentration
    norm = a.lgamma() - a * q.rate.log()
    return norm - (a - 1) * _mean_log(p) + q.rate * p.mean - p.entropy()


def _infinite(p, q):
    return izvod.full_like(p.mean, izvod.inf)


for _p in (Beta, Exponential, Gamma, Laplace, Uniform):
    register_kl(_p, Normal)(_against_normal)
for _p in (Beta, Gamma):
    register_kl(_p, Exponential)(_against_exponential)
for _p in (Beta, Exponential):
    register_kl(_p, Gamma)(_against_gamma)
for _p in (Exponential, Gamma, Laplace, Normal):
    for _q in (Beta, Uniform):
        register_kl(_p, _q)(_infinite)
for _p in (Laplace, Normal):
    for _q in (Exponential, Gamma):
        register_kl(_p, _q)(_infinite)
register_kl(Poisson, Bernoulli)(_infinite)


@register_kl(Uniform, Exponential)
def _(p, q):
    return _or_infinite(p.low < 0, _against_exponential(p, q))


@register_kl(Uniform, Gamma)
def _(p, q):
    return _or_infinite(p.low < 0, _against_gamma(p, q))


@register_kl(Uniform, Beta)
def _(p, q):
    a, b = q.concentration1, q.concentration0
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    logs = (a - 1) * _mean_log(p) + (b - 1) * _mean_log_between(1 - p.high, 1 - p.low)
    return _or_infinite((p.low < 0) | (p.high > 1), norm - logs - p.entropy())


@register_kl(Beta, Uniform)
def _(p, q):
    return _or_infinite((q.low > 0) | (q.high < 1), (q.high - q.low).log() - p.entropy())


@register_kl(Bernoulli, Poisson)
def _(p, q):
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(Normal, Laplace)
def _(p, q):
    x = (p.loc - q.loc) / p.scale
    # E|N + x| for a standard normal N, of which p's distance from q.loc is a multiple
    distance = math.sqrt(2 / math.pi) * (-0.5 * x**2).exp() + x * (x * math.sqrt(0.5)).erf()
    return (2 * q.scale).log() + p.scale / q.scale * distance - p.entropy()
