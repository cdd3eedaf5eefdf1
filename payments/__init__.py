"""The till: the payment provider behind one narrow class, its webhooks, and a simulator of it."""
