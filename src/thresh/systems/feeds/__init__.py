"""What is fed to a model: images, frames of video, text, or images with text; one file a way."""
