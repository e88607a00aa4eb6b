"""Public functions without a row in the sample table, each with the reason."""

_GROUPS = {
    "creation: tests/test_creation.py": """
        arange as_tensor empty empty_like eye from_numpy full full_like linspace ones ones_like
        tensor zeros zeros_like Tensor.new_empty Tensor.new_full Tensor.new_ones Tensor.new_tensor
        Tensor.new_zeros""",
    "random: tests/test_random.py, test_random_nn.py": """
        alpha_dropout alpha_dropout_ bernoulli binomial dropout dropout_ feature_alpha_dropout
        feature_alpha_dropout_ feature_dropout feature_dropout_ multinomial normal poisson rand
        rand_like randint randint_like randn randn_like randperm rrelu rrelu_ Tensor.bernoulli
        Tensor.bernoulli_ Tensor.cauchy_ Tensor.exponential_ Tensor.geometric_ Tensor.log_normal_
        Tensor.multinomial Tensor.normal_ Tensor.random_ Tensor.uniform_ nn.functional.rrelu_""",
    "dtypes: tests/test_dtypes.py": """
        can_cast get_default_dtype promote_types result_type set_default_dtype is_complex
        is_floating_point Tensor.is_complex Tensor.is_floating_point Tensor.is_signed""",
    "modes and passes: tests/test_autograd.py": """
        is_anomaly_check_nan_enabled is_anomaly_enabled is_grad_enabled is_inference
        is_inference_mode_enabled Tensor.backward Tensor.detach_ Tensor.is_inference
        Tensor.requires_grad_ Tensor.retain_grad""",
    "threads: tests/test_threads.py": "get_num_threads set_num_threads",
    "inspection, no result tensor: tests/test_views.py": """
        is_tensor Tensor.data_ptr Tensor.dim Tensor.element_size
        Tensor.is_contiguous Tensor.is_same_size Tensor.item Tensor.ndimension Tensor.nelement
        Tensor.numel Tensor.size Tensor.storage_offset Tensor.stride Tensor.tolist""",
}

ELSEWHERE = {name: reason for reason, names in _GROUPS.items() for name in names.split()}
