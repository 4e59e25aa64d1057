//! Functions that are no ops of their own: composed of ops. An engine may recognise them by their name scopes.
