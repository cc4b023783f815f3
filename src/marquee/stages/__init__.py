"""DVC's stages: load, call, save. What depends on what stands in dvc.yaml, what happens stands in the other rooms.

A new stage is one function here, one command in cli/ and one entry in dvc.yaml.
"""
