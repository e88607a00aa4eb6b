import izvod as torch

# Scalar (0D tensor)
tensor0d = torch.tensor(1)

# Vector (1D tensor)
tensor1d = torch.tensor([1, 2, 3])

# Matrix (2D tensor)
tensor2d = torch.tensor([[1, 2],
                         [3, 4]])

# 3D Tensor
tensor3d = torch.tensor([[[1, 2], [3, 4]],
                         [[5, 6], [7, 8]]])

tensor1d = torch.tensor([1, 2, 3])
print(tensor1d.dtype)  # Output: torch.int64

float_tensor = tensor1d.to(torch.float32)
print(float_tensor.dtype)  # Output: torch.float32

print(tensor2d.shape)  # Output: torch.Size([2, 2])
reshaped = tensor2d.reshape(4, 1)
transposed = tensor2d.T
result = tensor2d @ tensor2d.T
for t in (tensor0d, tensor1d, tensor2d, tensor3d, float_tensor, reshaped, transposed, result):
    print(t)
