//! The portal's JSON interface: what goes over the wire, and the tasks for the agent.
