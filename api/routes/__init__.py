"""The routes, by the thing they are about. Each names its policy, reads its request and tells its answer."""
