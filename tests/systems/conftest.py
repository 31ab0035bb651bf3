from .language import documents, gpt2_folder
from .models import digits, pictures, resnet_folder, vit_folder

__all__ = ["digits", "documents", "gpt2_folder", "pictures", "resnet_folder", "vit_folder"]
