from .models import digits, pictures, resnet_folder, vit_folder

__all__ = ["digits", "pictures", "resnet_folder", "vit_folder"]
