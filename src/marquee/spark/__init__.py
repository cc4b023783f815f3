"""The same work on Spark, when one machine is not enough: tables, sources, lessons and lists in bulk.

What is done to viewers is done by the functions of the other rooms, called on whole viewers at a time; Spark brings
those together, adds up what the parts say, and starts again what was lost. Nothing else imports PySpark.
"""
