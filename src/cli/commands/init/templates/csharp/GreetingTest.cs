using System;

public static class GreetingTest
{
    public static int Main()
    {
        string got = Greeting.Of("you");
        if (got != "Hello, you!")
        {
            Console.Error.WriteLine("Greeting.Of(\"you\") is \"" + got + "\"");
            return 1;
        }
        return 0;
    }
}
