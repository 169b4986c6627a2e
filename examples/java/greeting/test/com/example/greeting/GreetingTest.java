package com.example.greeting;

final class GreetingTest {
    private GreetingTest() {}

    public static void main(String[] arguments) {
        String said = Greeting.of("Ada");
        if (!said.equals("Hello, Ada!")) {
            throw new AssertionError(said);
        }
    }
}
