# The way in for `snakemake` from the checkout; the workflow itself is in workflow/.
include: "workflow/Snakefile"


# An included Snakefile sets no default target: without this line nothing would be done, with exit status 0.
workflow.default_target = "all"
