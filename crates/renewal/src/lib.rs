//! Cards in named states, and the renewal of the guide step by step.
