package com.example;

import com.example.greeting.Greeting;

public final class Main {
    private Main() {}

    public static void main(String[] names) {
        for (String name : names.length == 0 ? new String[] {"world"} : names) {
            System.out.println(Greeting.of(name));
        }
    }
}
