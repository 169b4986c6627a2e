using System;
using Example.Greeting;

static class GreeterTest
{
    static int Main()
    {
        var said = Greeter.Greet("Ada");
        if (said == "Hello, Ada!")
        {
            return 0;
        }
        Console.Error.WriteLine("It said: " + said);
        return 1;
    }
}
