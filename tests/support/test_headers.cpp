// Carries the precompiled headers of the unit tests, which want to be an executable's, and does
// nothing.
int main() {}
